/* branches.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
};
#define BPF_F_CURRENT_CPU 0xffffffffULL

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static __u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 6);
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
	__type(value, __u64);
} start_time SEC(".maps");

static __always_inline __u64 *start_time_at(__u32 *index)
{
	return bpf_map_lookup_elem(&start_time, index);
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

static __always_inline __u64 start_time_get(void)
{
	__u32 zero = 0;
	__u64 *time = start_time_at(&zero);

	return time ? *time : 0;
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
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __s8);
	__type(value, __s64);
} map_a SEC(".maps");

static __always_inline void map_a_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_a_lookup(__s8 *key)
{
	return bpf_map_lookup_elem(&map_a, key);
}

static __always_inline void map_a_update(void *ctx, __s8 *key, __s64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_a, key, value, BPF_ANY);

	if (result)
		map_a_full(ctx, warning, result);
}

static __always_inline long map_a_delete(__s8 *key)
{
	return bpf_map_delete_elem(&map_a, key);
}

/* @b */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __s8);
	__type(value, __s64);
} map_b SEC(".maps");

static __always_inline void map_b_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_b_lookup(__s8 *key)
{
	return bpf_map_lookup_elem(&map_b, key);
}

static __always_inline void map_b_update(void *ctx, __s8 *key, __s64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_b, key, value, BPF_ANY);

	if (result)
		map_b_full(ctx, warning, result);
}

static __always_inline long map_b_delete(__s8 *key)
{
	return bpf_map_delete_elem(&map_b, key);
}

/* @c */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} map_c SEC(".maps");

static __always_inline void map_c_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_c_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_c, &zero);
}

static __always_inline void map_c_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_c, &zero, value, BPF_ANY);

	if (result)
		map_c_full(ctx, warning, result);
}

static __always_inline long map_c_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_c, &zero);
}

/* @done */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, _Bool);
} map_done SEC(".maps");

static __always_inline void map_done_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_done_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_done, &zero);
}

static __always_inline void map_done_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_done, &zero, value, BPF_ANY);

	if (result)
		map_done_full(ctx, warning, result);
}

static __always_inline long map_done_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_done, &zero);
}

/* interval:s:1 */
SEC("perf_event")
int probe_0(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if @a[1] && @b[2] > 3 || !@c */
#line 3 "branches.bt"
	__s8 key_0;
	key_0 = 1;
	__s64 *found_0 = map_a_lookup(&key_0);
	__s64 value_0 = found_0 ? *found_0 : 0;
	_Bool condition_0 = value_0;
	if (condition_0) {
		__s8 key_1;
		key_1 = 2;
		__s64 *found_1 = map_b_lookup(&key_1);
		__s64 value_1 = found_1 ? *found_1 : 0;
		condition_0 = (value_1 > 3);
	}
	_Bool condition_1 = condition_0;
	if (!condition_1) {
		__s64 *found_2 = map_c_lookup();
		__s64 value_2 = found_2 ? *found_2 : 0;
		condition_1 = (!value_2);
	}
	if (condition_1) {
		/* @a[1] = @b[2] ? @b[3] : @c + 1; */
#line 4 "branches.bt"
		__s64 value_3;
		__s8 key_2;
		key_2 = 2;
		__s64 *found_3 = map_b_lookup(&key_2);
		__s64 value_4 = found_3 ? *found_3 : 0;
		__s64 chosen_0;
		if (value_4) {
			__s8 key_3;
			key_3 = 3;
			__s64 *found_4 = map_b_lookup(&key_3);
			__s64 value_5 = found_4 ? *found_4 : 0;
			chosen_0 = value_5;
		} else {
			__s64 *found_5 = map_c_lookup();
			__s64 value_6 = found_5 ? *found_5 : 0;
			chosen_0 = (value_6 + 1);
		}
		value_3 = chosen_0;
		map_a_update(ctx, &key_0, &value_3, 0);
	} else {
		/* if @c == 5 */
#line 5 "branches.bt"
		__s64 *found_6 = map_c_lookup();
		__s64 value_7 = found_6 ? *found_6 : 0;
		if ((value_7 == 5)) {
			/* @b[3] = @c ?: 7; */
#line 6 "branches.bt"
			__s64 value_8;
			value_8 = (value_7 ? value_7 : 7);
			__s8 key_4;
			key_4 = 3;
			map_b_update(ctx, &key_4, &value_8, 1);
		} else {
			/* @c = 5; */
#line 8 "branches.bt"
			__s64 value_9;
			value_9 = 5;
			map_c_update(ctx, &value_9, 2);
			/* @b[2] = 4; */
#line 9 "branches.bt"
			__s64 value_10;
			value_10 = 4;
			__s8 key_5;
			key_5 = 2;
			map_b_update(ctx, &key_5, &value_10, 3);
		}
	}
	/* { $x = 1; @c = $x + elapsed / 1000; } */
#line 11 "branches.bt"
	{
		/* $x = 1; */
#line 11 "branches.bt"
		__s8 v_x = 1;
		/* @c = $x + elapsed / 1000; */
#line 11 "branches.bt"
		__s64 value_11;
		value_11 = ((__s64)v_x + (__s64)((__u64)((__u64)(bpf_ktime_get_boot_ns() - start_time_get()) / 1000)));
		map_c_update(ctx, &value_11, 4);
	}
	/* if @c > 100 */
#line 12 "branches.bt"
	__s64 *found_7 = map_c_lookup();
	__s64 value_12 = found_7 ? *found_7 : 0;
	if ((value_12 > 100)) {
		/* return; */
#line 12 "branches.bt"
		return 0;
	}
	/* @done = true; */
#line 13 "branches.bt"
	_Bool value_13;
	value_13 = 1;
	map_done_update(ctx, &value_13, 5);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
