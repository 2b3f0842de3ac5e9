/* trials.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_task)(void) = (void *)35;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static long (*bpf_loop)(__u32 count, void *callback, void *frame, __u64 flags) = (void *)181;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
};

struct string_65 {
	char data[65];
};

struct event_0 {
	struct event_header header;
	struct string_65 arg0;
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

struct scratch_slot {
	__u64 busy;
	__u64 words[9];
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
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct scratch_slot);
} scratch SEC(".maps");

static __always_inline struct scratch_slot *scratch_at(__u32 *index)
{
	return bpf_map_lookup_elem(&scratch, index);
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

/*
 * Big objects live in per-CPU scratch memory. An interrupt may nest inside a program, so each run
 * takes a free slot; when none is free the run is refused and counted.
 */
static __always_inline struct scratch_slot *scratch_enter(__u32 refused)
{
#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u32 index = i;
		struct scratch_slot *slot = scratch_at(&index);

		if (!slot)
			continue;
		__sync_fetch_and_add(&slot->busy, 1);
		if (*(volatile __u64 *)&slot->busy == 1)
			return slot;
		__sync_fetch_and_add(&slot->busy, -1);
	}
	ledger_add(refused);
	return (void *)0;
}

/* Zero many bytes in one call: a read from address 0 fails, and then the kernel zeroes them. */
static __always_inline void clear_bytes(void *to, __u32 size)
{
	bpf_probe_read_kernel(to, size, (void *)0);
}

struct bench_run {
	void *ctx;
	int result;
};

static __always_inline __u32 *bench_repeat(void)
{
	__u32 index = 2;

	return control_at(&index);
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

/* @x */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s8);
} map_x SEC(".maps");

static __always_inline void map_x_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_x_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_x, &zero);
}

static __always_inline void map_x_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_x, &zero, value, BPF_ANY);

	if (result)
		map_x_full(ctx, warning, result);
}

static __always_inline long map_x_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_x, &zero);
}

static __always_inline int probe_0_once(void *ctx)
{
	ledger_add(1);
	/* @b = count(); */
#line 2 "trials.bt"
	struct count *slot_0 = map_b_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

static long probe_0_again(__u32 index, struct bench_run *run)
{
	run->result = probe_0_once(run->ctx);
	return 0;
}

/* bench:add */
SEC("raw_tp")
int probe_0(void *ctx)
{
	struct bench_run run = { .ctx = ctx };
	__u32 *repeat = bench_repeat();

	if (repeat)
		bpf_loop(*repeat, probe_0_again, &run, 0);
	return run.result;
}

struct probe_1_scratch {
	__u64 busy;
	struct string_65 in_v_s__0 __attribute__((aligned(8)));
};

static __always_inline int probe_1_body(void *ctx, struct probe_1_scratch *scratch)
{
	/* $s = str(kptr(curtask), 64); */
#line 3 "trials.bt"
	__u64 task_0 = bpf_get_current_task();
	clear_bytes(scratch->in_v_s__0.data, 65);
	bpf_probe_read_kernel_str(scratch->in_v_s__0.data, 64, (void *)(((__u64)task_0)));
	/* printf("%s", $s) */
#line 3 "trials.bt"
	struct event_0 event_0;
	clear_bytes(&event_0, sizeof(event_0));
	bpf_probe_read_kernel(event_0.arg0.data, 65, scratch->in_v_s__0.data);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

static __always_inline int probe_1_once(void *ctx)
{
	struct scratch_slot *slot;
	int result;

	ledger_add(2);
	slot = scratch_enter(3);
	if (!slot)
		return 0;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

static long probe_1_again(__u32 index, struct bench_run *run)
{
	run->result = probe_1_once(run->ctx);
	return 0;
}

/* bench:text */
SEC("raw_tp")
int probe_1(void *ctx)
{
	struct bench_run run = { .ctx = ctx };
	__u32 *repeat = bench_repeat();

	if (repeat)
		bpf_loop(*repeat, probe_1_again, &run, 0);
	return run.result;
}

/* begin */
SEC("raw_tp")
int probe_3(void *ctx)
{
	ledger_add(4);
	/* @x = 1; */
#line 5 "trials.bt"
	__s8 value_0;
	value_0 = 1;
	map_x_update(ctx, &value_0, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
