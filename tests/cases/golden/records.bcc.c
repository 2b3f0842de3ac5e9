/* records.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_7 {
	char data[7];
};

struct tuple_0 {
	__u64 f0;
};

struct tuple_1 {
	__s32 f0;
	struct string_7 f1;
	struct tuple_0 f2;
};

struct tuple_2 {
	__s8 f0;
	__s8 f1;
};

struct count {
	__u64 n;
};

struct string_5 {
	char data[5];
};

struct tuple_3 {
	__u32 f0;
	struct string_5 f1;
};

struct event_2 {
	struct event_header header;
	struct tuple_3 arg0;
};

struct event_3 {
	struct event_header header;
	struct string_5 arg0;
};

struct event_6 {
	struct event_header header;
	struct tuple_1 arg0;
	__s32 arg1;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 5);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("array", __u32, struct zeros, zeros, 1);

static __always_inline struct zeros *zeros_at(__u32 *index)
{
	return zeros.lookup(index);
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

/* @r */
BPF_TABLE("hash", __u32, struct tuple_1, map_r, 1);

static __always_inline void map_r_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct tuple_1 *map_r_lookup(void)
{
	__u32 zero = 0;

	return map_r.lookup(&zero);
}

static __always_inline void map_r_update(void *ctx, struct tuple_1 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_r.update(&zero, value);

	if (result)
		map_r_full(ctx, warning, result);
}

static __always_inline long map_r_delete(void)
{
	__u32 zero = 0;

	return map_r.delete(&zero);
}

/* @k */
BPF_TABLE("percpu_hash", struct tuple_2, struct count, map_k, 4096);

static __always_inline void map_k_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_k_slot(void *ctx, struct tuple_2 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_k.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_k.insert(key, (struct count *)zero_value);
	slot = map_k.lookup(key);
	if (!slot)
		map_k_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_k_delete(struct tuple_2 *key)
{
	return map_k.delete(key);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @r = (a=1, b="x", c=(d=nsecs)); */
#line 3 "records.bt"
	struct tuple_1 value_0;
	__builtin_memset(&value_0, 0, sizeof(value_0));
	value_0.f0 = 1;
	__builtin_memset(value_0.f1.data, 0, 7);
	__builtin_memcpy(value_0.f1.data, "x", 1);
	value_0.f2.f0 = bpf_ktime_get_boot_ns();
	map_r_update(ctx, &value_0, 0);
	/* @k[(a=1, b=2)] = count(); */
#line 4 "records.bt"
	struct tuple_2 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = 1;
	key_0.f1 = 2;
	struct count *slot_0 = map_k_slot(ctx, &key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* $r = (a=pid, b="name"); */
#line 5 "records.bt"
	struct tuple_3 in_v_r__0;
	struct tuple_3 *v_r = &in_v_r__0;
	__builtin_memset(&(*v_r), 0, sizeof((*v_r)));
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	(*v_r).f0 = (__u32)(pid_tgid_0 >> 32);
	__builtin_memset((*v_r).f1.data, 0, 5);
	__builtin_memcpy((*v_r).f1.data, "name", 4);
	/* print($r) */
#line 6 "records.bt"
	struct event_2 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	__builtin_memcpy(&event_0.arg0, &(*v_r), 12);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 2;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* print($r.b) */
#line 7 "records.bt"
	struct event_3 event_1;
	__builtin_memset(&event_1, 0, sizeof(event_1));
	__builtin_memcpy(event_1.arg0.data, (*v_r).f1.data, 5);
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 3;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	return 0;
}

/* end */
int probe_1(void *ctx)
{
	ledger_add(2);
	/* @r = (c=(d=(uint64)5), b="longer", a=70000); */
#line 10 "records.bt"
	struct tuple_1 value_0;
	__builtin_memset(&value_0, 0, sizeof(value_0));
	value_0.f2.f0 = 5LL;
	__builtin_memset(value_0.f1.data, 0, 7);
	__builtin_memcpy(value_0.f1.data, "longer", 6);
	value_0.f0 = 70000;
	map_r_update(ctx, &value_0, 4);
	/* @k[(b=3, a=4)] = count(); */
#line 11 "records.bt"
	struct tuple_2 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f1 = 3;
	key_0.f0 = 4;
	struct count *slot_0 = map_k_slot(ctx, &key_0, 5);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* printf("%s %d\n", @r, @r.a) */
#line 12 "records.bt"
	struct event_6 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	struct tuple_1 *found_0 = map_r_lookup();
	if (found_0) {
		__builtin_memcpy(&event_0.arg0, &(*found_0), 24);
	}
	struct tuple_1 *found_1 = map_r_lookup();
	__s32 value_1 = found_1 ? (*found_1).f0 : 0;
	event_0.arg1 = value_1;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 6;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}
