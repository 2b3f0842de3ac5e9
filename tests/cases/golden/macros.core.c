/* macros.bt: made by kptrace; SPDX-License-Identifier: GPL */
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

struct event_1 {
	struct event_header header;
	__s64 arg0;
};

struct string_30 {
	char data[30];
};

struct count {
	__u64 n;
};

struct event_4 {
	struct event_header header;
	__s64 arg0;
};

struct event_6 {
	struct event_header header;
	__s32 arg0;
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
	__u64 words[1];
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

/* The run shall end, also where a full buffer refuses the event that says so. */
static __always_inline void ask_exit(__u32 code)
{
	__u32 index = 3;
	__u32 *slot = control_at(&index);

	if (slot)
		*slot = 256 | (code & 0xff);
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

/* @t */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __s32);
	__type(value, __s64);
} map_t SEC(".maps");

static __always_inline void map_t_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_t_lookup(__s32 *key)
{
	return bpf_map_lookup_elem(&map_t, key);
}

static __always_inline void map_t_update(void *ctx, __s32 *key, __s64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_t, key, value, BPF_ANY);

	if (result)
		map_t_full(ctx, warning, result);
}

static __always_inline long map_t_delete(__s32 *key)
{
	return bpf_map_delete_elem(&map_t, key);
}

/* @n */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_30);
	__type(value, struct count);
} map_n SEC(".maps");

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_n_slot(void *ctx, struct string_30 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_n, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_n, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_n, key);
	if (!slot)
		map_n_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_n_delete(struct string_30 *key)
{
	return bpf_map_delete_elem(&map_n, key);
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
	if (ledger_add(6) == 1)
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

/* begin */
SEC("raw_tp")
int probe_0(void *ctx)
{
	ledger_add(1);
	/* let $t = 1; */
#line 7 "macros.bt"
	__s8 v_t = 1;
	/* @t[$t] = twice($t) */
#line 7 "macros.bt"
	__s64 value_0;
	value_0 = ((__s64)v_t + (__s64)v_t);
	__s32 key_0;
	key_0 = (__s32)v_t;
	map_t_update(ctx, &key_0, &value_0, 0);
	return 0;
}

struct probe_1_record {
	__u8 before_0[24];
	__u32 prev_pid;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_1(struct probe_1_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(2);
	/* { if (@start[key]) { let $t = @start[key]; printf("%d\n", nsecs - $t); delete(@start, key); } } */
#line 2 "macros.bt"
	{
		/* if @start[key] */
#line 2 "macros.bt"
		__s32 key_0;
		key_0 = (__s32)ctx->prev_pid;
		__s64 *found_0 = map_t_lookup(&key_0);
		__s64 value_0 = found_0 ? *found_0 : 0;
		if (value_0) {
			/* let $t = @start[key]; */
#line 2 "macros.bt"
			__s64 v_t = value_0;
			/* printf("%d\n", nsecs - $t) */
#line 2 "macros.bt"
			struct event_1 event_0;
			event_0.arg0 = ((__s64)bpf_ktime_get_boot_ns() - v_t);
			event_0.header.time = bpf_ktime_get_ns();
			event_0.header.id = 1;
			event_0.header.unused = 0;
			send(ctx, &event_0, sizeof(event_0));
			/* delete(@start, key) */
#line 2 "macros.bt"
			int missing_0 = map_t_delete(&key_0);
			if (missing_0) {
				warn_failed(ctx, 2, missing_0);
			}
		}
	}
	/* @n[probe_of] = events(); */
#line 8 "macros.bt"
	struct string_30 key_1;
	__builtin_memset(key_1.data, 0, 30);
	__builtin_memcpy(key_1.data, "tracepoint:sched:sched_switch", 29);
	struct count *slot_0 = map_n_slot(ctx, &key_1, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* end */
SEC("raw_tp")
int probe_2(void *ctx)
{
	ledger_add(3);
	/* { if (@start[key]) { let $t = @start[key]; printf("%d\n", nsecs - $t); delete(@start, key); } } */
#line 2 "macros.bt"
	{
		/* if @start[key] */
#line 2 "macros.bt"
		__s32 key_0;
		key_0 = 1;
		__s64 *found_0 = map_t_lookup(&key_0);
		__s64 value_0 = found_0 ? *found_0 : 0;
		if (value_0) {
			/* let $t = @start[key]; */
#line 2 "macros.bt"
			__s64 v_t = value_0;
			/* printf("%d\n", nsecs - $t) */
#line 2 "macros.bt"
			struct event_4 event_0;
			event_0.arg0 = ((__s64)bpf_ktime_get_boot_ns() - v_t);
			event_0.header.time = bpf_ktime_get_ns();
			event_0.header.id = 4;
			event_0.header.unused = 0;
			send(ctx, &event_0, sizeof(event_0));
			/* delete(@start, key) */
#line 2 "macros.bt"
			int missing_0 = map_t_delete(&key_0);
			if (missing_0) {
				warn_failed(ctx, 5, missing_0);
			}
		}
	}
	/* { exit(); } */
#line 5 "macros.bt"
	{
		/* exit() */
#line 5 "macros.bt"
		struct event_6 event_1;
		__builtin_memset(&event_1, 0, sizeof(event_1));
		event_1.arg0 = ((__s32)0);
		ask_exit(event_1.arg0);
		event_1.header.time = bpf_ktime_get_ns();
		event_1.header.id = 6;
		event_1.header.unused = 0;
		send(ctx, &event_1, sizeof(event_1));
	}
	/* @done = true; */
#line 9 "macros.bt"
	_Bool value_1;
	value_1 = 1;
	map_done_update(ctx, &value_1, 7);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
