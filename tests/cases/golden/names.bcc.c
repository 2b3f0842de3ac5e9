/* names.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
};

struct string_5 {
	char data[5];
};

struct string_6 {
	char data[6];
};

struct tuple_0 {
	struct string_5 f0;
	__s8 f1;
};

struct event_8 {
	struct event_header header;
	struct tuple_0 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

BPF_TABLE("percpu_array", __u32, __u64, ledger, 11);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

/* Count in the loss ledger; gives this CPU's new count. */
static __always_inline __u64 ledger_add(__u32 index)
{
	__u64 *count = ledger_at(&index);

	if (!count)
		return 0;
	*count += 1;
	return *count;
}

static __always_inline void send(void *ctx, void *event, __u32 size)
{
	if (output(ctx, event, size))
		ledger_add(0);
}

/* Probes count only between the last attach and the first detach. */
static __always_inline _Bool active(void)
{
	__u32 zero = 0;
	__u32 *on = control_at(&zero);

	return on && *on;
}

/* A run-time warning about a helper: what it returned. */
static __always_inline void warn_failed(void *ctx, __u32 id, long result)
{
	struct {
		struct event_header header;
		__s64 result;
	} event = {
		.header = { .time = bpf_ktime_get_ns(), .id = id },
		.result = result,
	};

	send(ctx, &event, sizeof(event));
}

/* @a */
BPF_TABLE("hash", __s8, __s8, map_a, 4096);

static __always_inline void map_a_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_a_lookup(__s8 *key)
{
	return map_a.lookup(key);
}

static __always_inline void map_a_update(void *ctx, __s8 *key, __s8 *value, __u32 warning)
{
	int result = map_a.update(key, value);

	if (result)
		map_a_full(ctx, warning, result);
}

static __always_inline long map_a_delete(__s8 *key)
{
	return map_a.delete(key);
}

/* @a_update */
BPF_TABLE("hash", __u32, __s8, map_a_update_, 1);

static __always_inline void map_a_update__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_a_update__lookup(void)
{
	__u32 zero = 0;

	return map_a_update_.lookup(&zero);
}

static __always_inline void map_a_update__update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_a_update_.update(&zero, value);

	if (result)
		map_a_update__full(ctx, warning, result);
}

static __always_inline long map_a_update__delete(void)
{
	__u32 zero = 0;

	return map_a_update_.delete(&zero);
}

/* @a_lookup */
BPF_TABLE("hash", __u32, __s8, map_a_lookup_, 1);

static __always_inline void map_a_lookup__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_a_lookup__lookup(void)
{
	__u32 zero = 0;

	return map_a_lookup_.lookup(&zero);
}

static __always_inline void map_a_lookup__update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_a_lookup_.update(&zero, value);

	if (result)
		map_a_lookup__full(ctx, warning, result);
}

static __always_inline long map_a_lookup__delete(void)
{
	__u32 zero = 0;

	return map_a_lookup_.delete(&zero);
}

/* @ */
BPF_TABLE("percpu_array", __u32, struct count, map_, 1);

static __always_inline struct count *map__slot(void *ctx)
{
	__u32 zero = 0;

	return map_.lookup(&zero);
}

/* @_slot */
BPF_TABLE("hash", __u32, __s8, map__slot_, 1);

static __always_inline void map__slot__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map__slot__lookup(void)
{
	__u32 zero = 0;

	return map__slot_.lookup(&zero);
}

static __always_inline void map__slot__update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map__slot_.update(&zero, value);

	if (result)
		map__slot__full(ctx, warning, result);
}

static __always_inline long map__slot__delete(void)
{
	__u32 zero = 0;

	return map__slot_.delete(&zero);
}

/* @events */
BPF_TABLE("hash", __u32, __s8, map_events, 1);

static __always_inline void map_events_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_events_lookup(void)
{
	__u32 zero = 0;

	return map_events.lookup(&zero);
}

static __always_inline void map_events_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_events.update(&zero, value);

	if (result)
		map_events_full(ctx, warning, result);
}

static __always_inline long map_events_delete(void)
{
	__u32 zero = 0;

	return map_events.delete(&zero);
}

/* @ledger */
BPF_TABLE("hash", __u32, __s8, map_ledger, 1);

static __always_inline void map_ledger_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_ledger_lookup(void)
{
	__u32 zero = 0;

	return map_ledger.lookup(&zero);
}

static __always_inline void map_ledger_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_ledger.update(&zero, value);

	if (result)
		map_ledger_full(ctx, warning, result);
}

static __always_inline long map_ledger_delete(void)
{
	__u32 zero = 0;

	return map_ledger.delete(&zero);
}

/* @scratch */
BPF_TABLE("hash", __u32, struct string_6, map_scratch, 1);

static __always_inline void map_scratch_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_6 *map_scratch_lookup(void)
{
	__u32 zero = 0;

	return map_scratch.lookup(&zero);
}

static __always_inline void map_scratch_update(void *ctx, struct string_6 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_scratch.update(&zero, value);

	if (result)
		map_scratch_full(ctx, warning, result);
}

static __always_inline long map_scratch_delete(void)
{
	__u32 zero = 0;

	return map_scratch.delete(&zero);
}

/* @send */
BPF_TABLE("hash", __u32, __s8, map_send, 1);

static __always_inline void map_send_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_send_lookup(void)
{
	__u32 zero = 0;

	return map_send.lookup(&zero);
}

static __always_inline void map_send_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_send.update(&zero, value);

	if (result)
		map_send_full(ctx, warning, result);
}

static __always_inline long map_send_delete(void)
{
	__u32 zero = 0;

	return map_send.delete(&zero);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @a[1] = 1; */
#line 3 "names.bt"
	__s8 value_0;
	value_0 = 1;
	__s8 key_0;
	key_0 = 1;
	map_a_update(ctx, &key_0, &value_0, 0);
	/* @a_update = 2; */
#line 4 "names.bt"
	__s8 value_1;
	value_1 = 2;
	map_a_update__update(ctx, &value_1, 1);
	/* @a_lookup = 3; */
#line 5 "names.bt"
	__s8 value_2;
	value_2 = 3;
	map_a_lookup__update(ctx, &value_2, 2);
	/* @ = count(); */
#line 6 "names.bt"
	struct count *slot_0 = map__slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @_slot = 4; */
#line 7 "names.bt"
	__s8 value_3;
	value_3 = 4;
	map__slot__update(ctx, &value_3, 3);
	/* $x = "text"; */
#line 8 "names.bt"
	struct string_5 in_v_x__0;
	struct string_5 *v_x = &in_v_x__0;
	__builtin_memset((*v_x).data, 0, 5);
	__builtin_memcpy((*v_x).data, "text", 4);
	/* $x_0 = 5; */
#line 9 "names.bt"
	__s8 v_x_0 = 5;
	/* if @a[1] */
#line 10 "names.bt"
	__s8 *found_0 = map_a_lookup(&key_0);
	__s8 value_4 = found_0 ? *found_0 : 0;
	if (value_4) {
		/* $key0 = 1; */
#line 10 "names.bt"
		__s8 v_key0 = 1;
		/* $event = $key0; */
#line 10 "names.bt"
		__s8 v_event = v_key0;
		/* @events = $event; */
#line 10 "names.bt"
		__s8 value_5;
		value_5 = v_event;
		map_events_update(ctx, &value_5, 4);
		/* @ledger = 1; */
#line 10 "names.bt"
		__s8 value_6;
		value_6 = 1;
		map_ledger_update(ctx, &value_6, 5);
	}
	/* if @a[2] */
#line 11 "names.bt"
	__s8 key_1;
	key_1 = 2;
	__s8 *found_1 = map_a_lookup(&key_1);
	__s8 value_7 = found_1 ? *found_1 : 0;
	if (value_7) {
		/* $key0 = "other"; */
#line 11 "names.bt"
		struct string_6 in_v_key0_2__0;
		struct string_6 *v_key0_2 = &in_v_key0_2__0;
		__builtin_memset((*v_key0_2).data, 0, 6);
		__builtin_memcpy((*v_key0_2).data, "other", 5);
		/* @scratch = $key0; */
#line 11 "names.bt"
		struct string_6 value_8;
		__builtin_memcpy(value_8.data, (*v_key0_2).data, 6);
		map_scratch_update(ctx, &value_8, 6);
		/* @send = 1; */
#line 11 "names.bt"
		__s8 value_9;
		value_9 = 1;
		map_send_update(ctx, &value_9, 7);
	}
	/* print(($x, $x_0)) */
#line 12 "names.bt"
	struct event_8 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	__builtin_memcpy(event_0.arg0.f0.data, (*v_x).data, 5);
	event_0.arg0.f1 = v_x_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 8;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}
