/* pid_filter.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
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
	__uint(max_entries, 15);
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

/* -p: whether the current process is the one that the run is about. */
static __always_inline _Bool wanted_process(void)
{
	__u32 index = 1;
	__u32 *pid = control_at(&index);

	return pid && *pid == (__u32)(bpf_get_current_pid_tgid() >> 32);
}

/* @k */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_k SEC(".maps");

static __always_inline struct count *map_k_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_k, &zero);
}

/* @r */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_r SEC(".maps");

static __always_inline struct count *map_r_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_r, &zero);
}

/* @t */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_t SEC(".maps");

static __always_inline struct count *map_t_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_t, &zero);
}

/* @rt */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_rt SEC(".maps");

static __always_inline struct count *map_rt_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_rt, &zero);
}

/* @i */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_i SEC(".maps");

static __always_inline struct count *map_i_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_i, &zero);
}

/* @p */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_p SEC(".maps");

static __always_inline struct count *map_p_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_p, &zero);
}

/* @b */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_b SEC(".maps");

static __always_inline struct count *map_b_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_b, &zero);
}

/* kprobe:vfs_read */
SEC("kprobe")
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	if (!wanted_process())
		return 0;
	ledger_add(1);
	/* @k = count(); */
#line 3 "pid_filter.bt"
	struct count *slot_0 = map_k_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kretprobe:vfs_read */
SEC("kretprobe")
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	if (!wanted_process())
		return 0;
	ledger_add(2);
	/* @r = count(); */
#line 4 "pid_filter.bt"
	struct count *slot_0 = map_r_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

struct probe_2_record {
	__u64 common;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_2(struct probe_2_record *ctx)
{
	if (!active())
		return 1;
	if (!wanted_process())
		return 1;
	ledger_add(3);
	/* @t = count(); */
#line 5 "pid_filter.bt"
	struct count *slot_0 = map_t_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* rawtracepoint:sched_switch */
SEC("raw_tp")
int probe_3(__u64 *ctx)
{
	if (!active())
		return 0;
	if (!wanted_process())
		return 0;
	ledger_add(4);
	/* @rt = count(); */
#line 6 "pid_filter.bt"
	struct count *slot_0 = map_rt_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* interval:s:1 */
SEC("perf_event")
int probe_4(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* @i = count(); */
#line 7 "pid_filter.bt"
	struct count *slot_0 = map_i_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* profile:hz:99 */
SEC("perf_event")
int probe_5(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* @p = count(); */
#line 8 "pid_filter.bt"
	struct count *slot_0 = map_p_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* begin */
SEC("raw_tp")
int probe_6(void *ctx)
{
	ledger_add(7);
	/* @b = count(); */
#line 9 "pid_filter.bt"
	struct count *slot_0 = map_b_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
