/* map_kinds.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct tuple_0 {
	__s8 f0;
	__s8 f1;
};

struct count {
	__u64 n;
};

struct string_2 {
	char data[2];
};

struct number {
	__s64 value;
	__u64 n;
};

struct event_6 {
	struct event_header header;
	__s8 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[2];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 7);

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

/* @lru */
BPF_TABLE("lru_hash", __u32, __s8, map_lru, 100);

static __always_inline void map_lru_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_lru_lookup(__u32 *key)
{
	return map_lru.lookup(key);
}

static __always_inline void map_lru_update(void *ctx, __u32 *key, __s8 *value, __u32 warning)
{
	int result = map_lru.update(key, value);

	if (result)
		map_lru_full(ctx, warning, result);
}

static __always_inline long map_lru_delete(__u32 *key)
{
	return map_lru.delete(key);
}

/* @per_cpu */
BPF_TABLE("percpu_hash", struct tuple_0, struct count, map_per_cpu, 50);

static __always_inline void map_per_cpu_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_per_cpu_slot(void *ctx, struct tuple_0 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_per_cpu.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_per_cpu.insert(key, (struct count *)zero_value);
	slot = map_per_cpu.lookup(key);
	if (!slot)
		map_per_cpu_full(ctx, warning, result);
	return slot;
}

static __always_inline struct count *map_per_cpu_lookup(struct tuple_0 *key)
{
	return map_per_cpu.lookup(key);
}

static __always_inline long map_per_cpu_delete(struct tuple_0 *key)
{
	return map_per_cpu.delete(key);
}

/* @old */
BPF_TABLE("lru_percpu_hash", struct string_2, struct number, map_old, 200);

static __always_inline void map_old_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_old_slot(void *ctx, struct string_2 *key, __u32 warning)
{
	__u32 index = 0;
	struct number *slot = map_old.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_old.insert(key, (struct number *)zero_value);
	slot = map_old.lookup(key);
	if (!slot)
		map_old_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_old_delete(struct string_2 *key)
{
	return map_old.delete(key);
}

/* @plain */
BPF_TABLE("hash", __u32, __s8, map_plain, 10);

static __always_inline void map_plain_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_plain_lookup(void)
{
	__u32 zero = 0;

	return map_plain.lookup(&zero);
}

static __always_inline void map_plain_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_plain.update(&zero, value);

	if (result)
		map_plain_full(ctx, warning, result);
}

static __always_inline long map_plain_delete(void)
{
	__u32 zero = 0;

	return map_plain.delete(&zero);
}

/* @gone */
BPF_TABLE("percpu_hash", __u32, struct number, map_gone, 1);

static __always_inline void map_gone_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_gone_slot(void *ctx, __u32 warning)
{
	__u32 zero = 0;
	__u32 index = 0;
	struct number *slot = map_gone.lookup(&zero);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_gone.insert(&zero, (struct number *)zero_value);
	slot = map_gone.lookup(&zero);
	if (!slot)
		map_gone_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_gone_delete(void)
{
	__u32 zero = 0;

	return map_gone.delete(&zero);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @lru[pid] = 1; */
#line 9 "map_kinds.bt"
	__s8 value_0;
	value_0 = 1;
	__u32 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_0 = (__u32)(pid_tgid_0 >> 32);
	map_lru_update(ctx, &key_0, &value_0, 0);
	/* @per_cpu[1, 2] = count(); */
#line 10 "map_kinds.bt"
	struct tuple_0 key_1;
	__builtin_memset(&key_1, 0, sizeof(key_1));
	key_1.f0 = 1;
	key_1.f1 = 2;
	struct count *slot_0 = map_per_cpu_slot(ctx, &key_1, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @old["x"] = sum(5); */
#line 11 "map_kinds.bt"
	struct string_2 key_2;
	__builtin_memset(key_2.data, 0, 2);
	__builtin_memcpy(key_2.data, "x", 1);
	struct number *slot_1 = map_old_slot(ctx, &key_2, 2);
	if (slot_1) {
		slot_1->value += 5;
		slot_1->n += 1;
	}
	/* @plain = 3; */
#line 12 "map_kinds.bt"
	__s8 value_1;
	value_1 = 3;
	map_plain_update(ctx, &value_1, 3);
	/* @gone = stats(4); */
#line 13 "map_kinds.bt"
	struct number *slot_2 = map_gone_slot(ctx, 4);
	if (slot_2) {
		slot_2->value += 4;
		slot_2->n += 1;
	}
	/* delete(@gone) */
#line 14 "map_kinds.bt"
	int missing_0 = map_gone_delete();
	if (missing_0) {
		warn_failed(ctx, 5, missing_0);
	}
	/* $value */
#line 15 "map_kinds.bt"
	__s8 v_value = 0;
	/* if has_key(@per_cpu, (1, 2)) && find(@lru, pid, $value) */
#line 15 "map_kinds.bt"
	struct count *found_0 = map_per_cpu_lookup(&key_1);
	_Bool condition_0 = (found_0 != 0);
	if (condition_0) {
		__s8 *found_1 = map_lru_lookup(&key_0);
		if (found_1) {
			v_value = *found_1;
		}
		condition_0 = (found_1 != 0);
	}
	if (condition_0) {
		/* print($value) */
#line 15 "map_kinds.bt"
		struct event_6 event_0;
		__builtin_memset(&event_0, 0, sizeof(event_0));
		event_0.arg0 = v_value;
		event_0.header.time = bpf_ktime_get_ns();
		event_0.header.id = 6;
		event_0.header.unused = 0;
		send(ctx, &event_0, sizeof(event_0));
	}
	return 0;
}
