/* map_kinds.bt: made by kptrace; SPDX-License-Identifier: GPL */
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
};
#define BPF_F_CURRENT_CPU 0xffffffffULL

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

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

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size);
}

struct zeros {
	__u64 words[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 7);
	__type(key, __u32);
	__type(value, __u64);
} ledger SEC(".maps");

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return bpf_map_lookup_elem(&ledger, index);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} control SEC(".maps");

static __always_inline __u32 *control_at(__u32 *index)
{
	return bpf_map_lookup_elem(&control, index);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct zeros);
} zeros SEC(".maps");

static __always_inline struct zeros *zeros_at(__u32 *index)
{
	return bpf_map_lookup_elem(&zeros, index);
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
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 100);
	__type(key, __u32);
	__type(value, __s8);
} map_lru SEC(".maps");

static __always_inline void map_lru_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_lru_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_lru, key);
}

static __always_inline void map_lru_update(void *ctx, __u32 *key, __s8 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_lru, key, value, BPF_ANY);

	if (result)
		map_lru_full(ctx, warning, result);
}

static __always_inline long map_lru_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_lru, key);
}

/* @per_cpu */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 50);
	__type(key, struct tuple_0);
	__type(value, struct count);
} map_per_cpu SEC(".maps");

static __always_inline void map_per_cpu_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_per_cpu_slot(void *ctx, struct tuple_0 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_per_cpu, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_per_cpu, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_per_cpu, key);
	if (!slot)
		map_per_cpu_full(ctx, warning, result);
	return slot;
}

static __always_inline struct count *map_per_cpu_lookup(struct tuple_0 *key)
{
	return bpf_map_lookup_elem(&map_per_cpu, key);
}

static __always_inline long map_per_cpu_delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_per_cpu, key);
}

/* @old */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 200);
	__type(key, struct string_2);
	__type(value, struct number);
} map_old SEC(".maps");

static __always_inline void map_old_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_old_slot(void *ctx, struct string_2 *key, __u32 warning)
{
	__u32 index = 0;
	struct number *slot = bpf_map_lookup_elem(&map_old, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_old, key, (struct number *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_old, key);
	if (!slot)
		map_old_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_old_delete(struct string_2 *key)
{
	return bpf_map_delete_elem(&map_old, key);
}

/* @plain */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10);
	__type(key, __u32);
	__type(value, __s8);
} map_plain SEC(".maps");

static __always_inline void map_plain_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_plain_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_plain, &zero);
}

static __always_inline void map_plain_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_plain, &zero, value, BPF_ANY);

	if (result)
		map_plain_full(ctx, warning, result);
}

static __always_inline long map_plain_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_plain, &zero);
}

/* @gone */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct number);
} map_gone SEC(".maps");

static __always_inline void map_gone_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_gone_slot(void *ctx, __u32 warning)
{
	__u32 zero = 0;
	__u32 index = 0;
	struct number *slot = bpf_map_lookup_elem(&map_gone, &zero);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_gone, &zero, (struct number *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_gone, &zero);
	if (!slot)
		map_gone_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_gone_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_gone, &zero);
}

/* begin */
SEC("raw_tp")
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

char LICENSE[] SEC("license") = "GPL";
