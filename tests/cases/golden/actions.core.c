/* actions.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u32 (*bpf_get_smp_processor_id)(void) = (void *)8;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_get_current_comm)(void *to, __u32 size) = (void *)16;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static __u64 (*bpf_get_current_task)(void) = (void *)35;
static __u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct event_1 {
	struct event_header header;
};

struct event_2 {
	struct event_header header;
};

struct event_3 {
	struct event_header header;
};

struct count {
	__u64 n;
};

struct string_16 {
	char data[16];
};

struct tuple_0 {
	__u32 f0;
	struct string_16 f1;
};

struct event_6 {
	struct event_header header;
};

struct event_7 {
	struct event_header header;
};

struct event_8 {
	struct event_header header;
};

struct event_9 {
	struct event_header header;
	__s8 arg0;
};

struct event_10 {
	struct event_header header;
};

struct event_11 {
	struct event_header header;
};

struct event_14 {
	struct event_header header;
	__s8 arg0;
	__s16 arg1;
	__s16 arg2;
	__u64 arg3;
	__s8 arg4;
	__u64 arg5;
	struct string_16 arg6;
};

struct event_15 {
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

/* @start */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} map_start SEC(".maps");

static __always_inline void map_start_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_start_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_start, &zero);
}

static __always_inline void map_start_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_start, &zero, value, BPF_ANY);

	if (result)
		map_start_full(ctx, warning, result);
}

static __always_inline long map_start_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_start, &zero);
}

/* @n */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_n SEC(".maps");

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_n_slot(void *ctx, __u64 *key, __u32 warning)
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

static __always_inline long map_n_delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_n, key);
}

/* @v */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_0);
	__type(value, __s8);
} map_v SEC(".maps");

static __always_inline void map_v_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_v_lookup(struct tuple_0 *key)
{
	return bpf_map_lookup_elem(&map_v, key);
}

static __always_inline void map_v_update(void *ctx, struct tuple_0 *key, __s8 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_v, key, value, BPF_ANY);

	if (result)
		map_v_full(ctx, warning, result);
}

static __always_inline long map_v_delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_v, key);
}

/* begin */
SEC("raw_tp")
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @start = nsecs; */
#line 2 "actions.bt"
	__u64 value_0;
	value_0 = bpf_ktime_get_boot_ns();
	map_start_update(ctx, &value_0, 0);
	/* printf("hello\n") */
#line 2 "actions.bt"
	struct event_1 event_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 1;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* time("%H:%M\n") */
#line 2 "actions.bt"
	struct event_2 event_1;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 2;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	/* time() */
#line 2 "actions.bt"
	struct event_3 event_2;
	event_2.header.time = bpf_ktime_get_ns();
	event_2.header.id = 3;
	event_2.header.unused = 0;
	send(ctx, &event_2, sizeof(event_2));
	return 0;
}

/* interval:ms:250 */
SEC("perf_event")
int probe_1(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @n[cpu] = count(); */
#line 4 "actions.bt"
	__u64 key_0;
	__u64 cpu_0 = bpf_get_smp_processor_id();
	key_0 = (__u64)cpu_0;
	struct count *slot_0 = map_n_slot(ctx, &key_0, 4);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @v[pid, comm] = 1; */
#line 5 "actions.bt"
	__s8 value_0;
	value_0 = 1;
	struct tuple_0 key_1;
	__builtin_memset(&key_1, 0, sizeof(key_1));
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_1.f0 = (__u32)(pid_tgid_0 >> 32);
	__builtin_memset(key_1.f1.data, 0, 16);
	bpf_get_current_comm(key_1.f1.data, 16);
	map_v_update(ctx, &key_1, &value_0, 5);
	/* print(@n) */
#line 6 "actions.bt"
	struct event_6 event_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 6;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* print(@n, 3) */
#line 7 "actions.bt"
	struct event_7 event_1;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 7;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	/* print(@n, 3, 2) */
#line 8 "actions.bt"
	struct event_8 event_2;
	event_2.header.time = bpf_ktime_get_ns();
	event_2.header.id = 8;
	event_2.header.unused = 0;
	send(ctx, &event_2, sizeof(event_2));
	/* print(@v[pid, comm]) */
#line 9 "actions.bt"
	struct event_9 event_3;
	__builtin_memset(&event_3, 0, sizeof(event_3));
	__s8 *found_0 = map_v_lookup(&key_1);
	__s8 value_1 = found_0 ? *found_0 : 0;
	event_3.arg0 = value_1;
	event_3.header.time = bpf_ktime_get_ns();
	event_3.header.id = 9;
	event_3.header.unused = 0;
	send(ctx, &event_3, sizeof(event_3));
	/* clear(@n) */
#line 10 "actions.bt"
	struct event_10 event_4;
	event_4.header.time = bpf_ktime_get_ns();
	event_4.header.id = 10;
	event_4.header.unused = 0;
	send(ctx, &event_4, sizeof(event_4));
	/* zero(@n) */
#line 11 "actions.bt"
	struct event_11 event_5;
	event_5.header.time = bpf_ktime_get_ns();
	event_5.header.id = 11;
	event_5.header.unused = 0;
	send(ctx, &event_5, sizeof(event_5));
	/* delete(@v, (pid, comm)) */
#line 12 "actions.bt"
	int missing_0 = map_v_delete(&key_1);
	if (missing_0) {
		warn_failed(ctx, 12, missing_0);
	}
	/* delete(@v[1, "x"]) */
#line 13 "actions.bt"
	struct tuple_0 key_2;
	__builtin_memset(&key_2, 0, sizeof(key_2));
	key_2.f0 = 1;
	__builtin_memset(key_2.f1.data, 0, 16);
	__builtin_memcpy(key_2.f1.data, "x", 1);
	int missing_1 = map_v_delete(&key_2);
	if (missing_1) {
		warn_failed(ctx, 13, missing_1);
	}
	/* if delete(@start) */
#line 14 "actions.bt"
	int missing_2 = map_start_delete();
	if (!missing_2) {
		/* printf("%d %u %x %lld %c %p %s%%\n", -1, 255, 255, nsecs, 65, curtask, comm) */
#line 14 "actions.bt"
		struct event_14 event_6;
		__builtin_memset(&event_6, 0, sizeof(event_6));
		event_6.arg0 = -1;
		event_6.arg1 = 255;
		event_6.arg2 = 255;
		event_6.arg3 = bpf_ktime_get_boot_ns();
		event_6.arg4 = 65;
		__u64 task_0 = bpf_get_current_task();
		event_6.arg5 = (__u64)task_0;
		__builtin_memset(event_6.arg6.data, 0, 16);
		bpf_get_current_comm(event_6.arg6.data, 16);
		event_6.header.time = bpf_ktime_get_ns();
		event_6.header.id = 14;
		event_6.header.unused = 0;
		send(ctx, &event_6, sizeof(event_6));
	}
	return 0;
}

/* end */
SEC("raw_tp")
int probe_2(void *ctx)
{
	ledger_add(3);
	/* exit(3) */
#line 16 "actions.bt"
	struct event_15 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	event_0.arg0 = ((__s32)3);
	ask_exit(event_0.arg0);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 15;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
