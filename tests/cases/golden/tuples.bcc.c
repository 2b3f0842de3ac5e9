/* tuples.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
	__u32 f0;
	__u64 f1;
};

struct tuple_1 {
	__s16 f0;
	struct string_7 f1;
	struct tuple_0 f2;
};

struct string_4 {
	char data[4];
};

struct tuple_2 {
	__s32 f0;
	struct string_4 f1;
};

struct tuple_3 {
	__s8 f0;
	__s8 f1;
};

struct tuple_4 {
	struct string_7 f0;
	struct tuple_3 f1;
};

struct tuple_5 {
	__u32 f0;
	struct tuple_4 f1;
};

struct count {
	__u64 n;
};

struct event_3 {
	struct event_header header;
	struct tuple_1 arg0;
};

struct tuple_6 {
	__s8 f0;
	struct string_4 f1;
	struct tuple_3 f2;
};

struct event_4 {
	struct event_header header;
	struct tuple_6 arg0;
};

struct tuple_7 {
	__s8 f0;
	__u64 f1;
};

struct event_6 {
	struct event_header header;
	__s8 arg0;
	__u64 arg1;
	__s8 arg2;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 6);

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

/* @one */
BPF_TABLE("hash", struct tuple_2, struct tuple_1, map_one, 4096);

static __always_inline void map_one_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct tuple_1 *map_one_lookup(struct tuple_2 *key)
{
	return map_one.lookup(key);
}

static __always_inline void map_one_update(void *ctx, struct tuple_2 *key, struct tuple_1 *value, __u32 warning)
{
	int result = map_one.update(key, value);

	if (result)
		map_one_full(ctx, warning, result);
}

static __always_inline long map_one_delete(struct tuple_2 *key)
{
	return map_one.delete(key);
}

/* @two */
BPF_TABLE("percpu_hash", struct tuple_5, struct count, map_two, 4096);

static __always_inline void map_two_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_two_slot(void *ctx, struct tuple_5 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_two.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_two.insert(key, (struct count *)zero_value);
	slot = map_two.lookup(key);
	if (!slot)
		map_two_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_two_delete(struct tuple_5 *key)
{
	return map_two.delete(key);
}

/* @pairs */
BPF_TABLE("hash", struct tuple_7, __s8, map_pairs, 4096);

static __always_inline void map_pairs_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_pairs_lookup(struct tuple_7 *key)
{
	return map_pairs.lookup(key);
}

static __always_inline void map_pairs_update(void *ctx, struct tuple_7 *key, __s8 *value, __u32 warning)
{
	int result = map_pairs.update(key, value);

	if (result)
		map_pairs_full(ctx, warning, result);
}

static __always_inline long map_pairs_delete(struct tuple_7 *key)
{
	return map_pairs.delete(key);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @one[1, "a"] = (1, "x", (2, nsecs)); */
#line 3 "tuples.bt"
	struct tuple_1 value_0;
	__builtin_memset(&value_0, 0, sizeof(value_0));
	value_0.f0 = 1;
	__builtin_memset(value_0.f1.data, 0, 7);
	__builtin_memcpy(value_0.f1.data, "x", 1);
	value_0.f2.f0 = 2;
	value_0.f2.f1 = bpf_ktime_get_boot_ns();
	struct tuple_2 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = 1;
	__builtin_memset(key_0.f1.data, 0, 4);
	__builtin_memcpy(key_0.f1.data, "a", 1);
	map_one_update(ctx, &key_0, &value_0, 0);
	/* @one[70000, "abc"] = ((int16)1, "longer", (pid, (uint64)2)); */
#line 4 "tuples.bt"
	struct tuple_1 value_1;
	__builtin_memset(&value_1, 0, sizeof(value_1));
	value_1.f0 = 1;
	__builtin_memset(value_1.f1.data, 0, 7);
	__builtin_memcpy(value_1.f1.data, "longer", 6);
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	value_1.f2.f0 = (__u32)(pid_tgid_0 >> 32);
	value_1.f2.f1 = 2LL;
	struct tuple_2 key_1;
	__builtin_memset(&key_1, 0, sizeof(key_1));
	key_1.f0 = 70000;
	__builtin_memset(key_1.f1.data, 0, 4);
	__builtin_memcpy(key_1.f1.data, "abc", 3);
	map_one_update(ctx, &key_1, &value_1, 1);
	/* $t = @one[1, "a"]; */
#line 5 "tuples.bt"
	struct tuple_1 in_v_t__0;
	struct tuple_1 *v_t = &in_v_t__0;
	__builtin_memset(&(*v_t), 0, sizeof((*v_t)));
	struct tuple_1 *found_0 = map_one_lookup(&key_0);
	if (found_0) {
		__builtin_memcpy(&(*v_t), &(*found_0), 32);
	}
	/* @two[$t.2.0, ($t.1, (1, 2))] = count(); */
#line 6 "tuples.bt"
	struct tuple_5 key_2;
	__builtin_memset(&key_2, 0, sizeof(key_2));
	key_2.f0 = (*v_t).f2.f0;
	__builtin_memcpy(key_2.f1.f0.data, (*v_t).f1.data, 7);
	key_2.f1.f1.f0 = 1;
	key_2.f1.f1.f1 = 2;
	struct count *slot_0 = map_two_slot(ctx, &key_2, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* print($t) */
#line 7 "tuples.bt"
	struct event_3 event_0;
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	__builtin_memcpy(&event_0.arg0, &(*v_t), 32);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 3;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* print((1, "two", (3, 4))) */
#line 8 "tuples.bt"
	struct event_4 event_1;
	__builtin_memset(&event_1, 0, sizeof(event_1));
	__builtin_memset(&event_1.arg0, 0, sizeof(event_1.arg0));
	event_1.arg0.f0 = 1;
	__builtin_memset(event_1.arg0.f1.data, 0, 4);
	__builtin_memcpy(event_1.arg0.f1.data, "two", 3);
	event_1.arg0.f2.f0 = 3;
	event_1.arg0.f2.f1 = 4;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 4;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	return 0;
}

/* end */
int probe_1(void *ctx)
{
	ledger_add(2);
	/* $pair = (1, nsecs); */
#line 12 "tuples.bt"
	struct tuple_7 in_v_pair__0;
	struct tuple_7 *v_pair = &in_v_pair__0;
	__builtin_memset(&(*v_pair), 0, sizeof((*v_pair)));
	(*v_pair).f0 = 1;
	(*v_pair).f1 = bpf_ktime_get_boot_ns();
	/* $pair = $pair.0 == 1 ? ($pair.0, $pair.1) : $pair; */
#line 13 "tuples.bt"
	struct tuple_7 value_0;
	__builtin_memset(&value_0, 0, sizeof(value_0));
	if (((__s64)(*v_pair).f0 == 1)) {
		value_0.f0 = (*v_pair).f0;
		value_0.f1 = (*v_pair).f1;
	} else {
		__builtin_memcpy(&value_0, &(*v_pair), 16);
	}
	__builtin_memcpy(&(*v_pair), &value_0, 16);
	/* @pairs[$pair] = 1; */
#line 14 "tuples.bt"
	__s8 value_1;
	value_1 = 1;
	struct tuple_7 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	__builtin_memcpy(&key_0, &(*v_pair), 16);
	map_pairs_update(ctx, &key_0, &value_1, 5);
	/* printf("%d %lld %d\n", 1, nsecs, 2) */
#line 15 "tuples.bt"
	struct event_6 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	event_0.arg0 = 1;
	event_0.arg1 = bpf_ktime_get_boot_ns();
	event_0.arg2 = 2;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 6;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}
