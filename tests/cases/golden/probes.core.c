/* probes.bt: made by kptrace; SPDX-License-Identifier: GPL */
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

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_17 {
	char data[17];
};

struct tuple_0 {
	struct string_17 f0;
	__u64 f1;
};

struct count {
	__u64 n;
};

struct string_37 {
	char data[37];
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
	__u64 words[5];
};

struct zeros {
	__u64 words[1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 9);
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

/* @ */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_0);
	__type(value, struct count);
} map_ SEC(".maps");

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct tuple_0 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_, key);
	if (!slot)
		map__full(ctx, warning, result);
	return slot;
}

static __always_inline long map__delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_, key);
}

/* @n */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_37);
	__type(value, struct count);
} map_n SEC(".maps");

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_n_slot(void *ctx, struct string_37 *key, __u32 warning)
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

static __always_inline long map_n_delete(struct string_37 *key)
{
	return bpf_map_delete_elem(&map_n, key);
}

/* kprobe:vfs_read */
SEC("kprobe")
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @[probe, args.count] = count(); */
#line 2 "probes.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	__builtin_memset(key_0.f0.data, 0, 17);
	__builtin_memcpy(key_0.f0.data, "kprobe:vfs_read", 15);
	key_0.f1 = ctx[12];
	struct count *slot_0 = map__slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_write */
SEC("kprobe")
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @[probe, args.count] = count(); */
#line 2 "probes.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	__builtin_memset(key_0.f0.data, 0, 17);
	__builtin_memcpy(key_0.f0.data, "kprobe:vfs_write", 16);
	key_0.f1 = ctx[12];
	struct count *slot_0 = map__slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

struct probe_2_record {
	__u64 common;
};
struct probe_2_scratch {
	__u64 busy;
	struct string_37 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_2_body(struct probe_2_record *ctx, struct probe_2_scratch *scratch)
{
	/* @n[probe] = count(); */
#line 3 "probes.bt"
	__builtin_memset(scratch->key_0.data, 0, 37);
	__builtin_memcpy(scratch->key_0.data, "tracepoint:syscalls:sys_enter_openat", 36);
	struct count *slot_0 = map_n_slot(ctx, &scratch->key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_enter_openat */
SEC("tracepoint")
int probe_2(struct probe_2_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(3);
	slot = scratch_enter(4);
	if (!slot)
		return 1;
	result = probe_2_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

struct probe_3_record {
	__u64 common;
};
struct probe_3_scratch {
	__u64 busy;
	struct string_37 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_3_body(struct probe_3_record *ctx, struct probe_3_scratch *scratch)
{
	/* @n[probe] = count(); */
#line 3 "probes.bt"
	__builtin_memset(scratch->key_0.data, 0, 37);
	__builtin_memcpy(scratch->key_0.data, "tracepoint:syscalls:sys_exit_openat", 35);
	struct count *slot_0 = map_n_slot(ctx, &scratch->key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_exit_openat */
SEC("tracepoint")
int probe_3(struct probe_3_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(5);
	slot = scratch_enter(6);
	if (!slot)
		return 1;
	result = probe_3_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

char LICENSE[] SEC("license") = "GPL";
