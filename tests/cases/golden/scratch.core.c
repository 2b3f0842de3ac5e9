/* scratch.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static long (*bpf_get_current_comm)(void *to, __u32 size) = (void *)16;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_user_str)(void *to, __u32 size, const void *from) = (void *)114;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_512 {
	char data[512];
};

struct string_513 {
	char data[513];
};

struct count {
	__u64 n;
};

struct string_16 {
	char data[16];
};

struct event_2 {
	struct event_header header;
	struct string_16 arg0;
	struct string_512 arg1;
	__s64 arg2;
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
	__u64 words[326];
};

struct zeros {
	__u64 words[1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5);
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

/* Zero many bytes in one call: a read from address 0 fails, and then the kernel zeroes them. */
static __always_inline void clear_bytes(void *to, __u32 size)
{
	bpf_probe_read_kernel(to, size, (void *)0);
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
	__type(key, struct string_512);
	__type(value, struct count);
} map_ SEC(".maps");

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct string_512 *key, __u32 warning)
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

static __always_inline long map__delete(struct string_512 *key)
{
	return bpf_map_delete_elem(&map_, key);
}

/* @last */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct string_512);
} map_last SEC(".maps");

static __always_inline void map_last_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_512 *map_last_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_last, &zero);
}

static __always_inline void map_last_update(void *ctx, struct string_512 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_last, &zero, value, BPF_ANY);

	if (result)
		map_last_full(ctx, warning, result);
}

static __always_inline long map_last_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_last, &zero);
}

struct probe_0_record {
	__u8 before_0[24];
	__u64 filename;
	__u64 flags;
};
struct probe_0_scratch {
	__u64 busy;
	struct string_512 in_v_path__0 __attribute__((aligned(8)));
	struct string_513 text_0 __attribute__((aligned(8)));
	struct string_512 key_0 __attribute__((aligned(8)));
	struct string_512 value_0 __attribute__((aligned(8)));
	struct event_2 event_0 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(struct probe_0_record *ctx, struct probe_0_scratch *scratch)
{
	/* $path = str(args.filename); */
#line 4 "scratch.bt"
	clear_bytes(scratch->text_0.data, 513);
	bpf_probe_read_user_str(scratch->text_0.data, 513, (void *)((__u64)ctx->filename));
	bpf_probe_read_kernel(scratch->in_v_path__0.data, 512, scratch->text_0.data);
	/* @[$path] = count(); */
#line 5 "scratch.bt"
	bpf_probe_read_kernel(scratch->key_0.data, 512, scratch->in_v_path__0.data);
	struct count *slot_0 = map__slot(ctx, &scratch->key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @last = $path; */
#line 6 "scratch.bt"
	bpf_probe_read_kernel(scratch->value_0.data, 512, scratch->in_v_path__0.data);
	map_last_update(ctx, &scratch->value_0, 1);
	/* printf("%s %s %d\n", comm, $path, args.flags) */
#line 7 "scratch.bt"
	__builtin_memset(scratch->event_0.arg0.data, 0, 16);
	bpf_get_current_comm(scratch->event_0.arg0.data, 16);
	bpf_probe_read_kernel(scratch->event_0.arg1.data, 512, scratch->in_v_path__0.data);
	scratch->event_0.arg2 = (__s64)ctx->flags;
	scratch->event_0.header.time = bpf_ktime_get_ns();
	scratch->event_0.header.id = 2;
	scratch->event_0.header.unused = 0;
	send(ctx, &scratch->event_0, sizeof(scratch->event_0));
	return 1;
}

/* tracepoint:syscalls:sys_enter_openat */
SEC("tracepoint")
int probe_0(struct probe_0_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(1);
	slot = scratch_enter(2);
	if (!slot)
		return 1;
	result = probe_0_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

char LICENSE[] SEC("license") = "GPL";
