/* tracepoints.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_user_str)(void *to, __u32 size, const void *from) = (void *)114;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_16 {
	char data[16];
};

struct string_17 {
	char data[17];
};

struct count {
	__u64 n;
};

struct tuple_0 {
	__s32 f0;
	__s64 f1;
};

struct string_1024 {
	char data[1024];
};

struct string_8 {
	char data[8];
};

struct tuple_1 {
	struct string_1024 f0;
	struct string_8 f1;
};

struct string_9 {
	char data[9];
};

struct number {
	__s64 value;
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

struct scratch_slot {
	__u64 busy;
	__u64 words[129];
};

struct zeros {
	__u64 words[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 18);
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

/* @out */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_16);
	__type(value, struct count);
} map_out SEC(".maps");

static __always_inline void map_out_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_out_slot(void *ctx, struct string_16 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_out, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_out, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_out, key);
	if (!slot)
		map_out_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_out_delete(struct string_16 *key)
{
	return bpf_map_delete_elem(&map_out, key);
}

/* @state */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_0);
	__type(value, struct count);
} map_state SEC(".maps");

static __always_inline void map_state_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_state_slot(void *ctx, struct tuple_0 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_state, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_state, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_state, key);
	if (!slot)
		map_state_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_state_delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_state, key);
}

/* @files */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_1024);
	__type(value, struct count);
} map_files SEC(".maps");

static __always_inline void map_files_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_files_slot(void *ctx, struct string_1024 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_files, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_files, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_files, key);
	if (!slot)
		map_files_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_files_delete(struct string_1024 *key)
{
	return bpf_map_delete_elem(&map_files, key);
}

/* @errors */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __s64);
	__type(value, struct count);
} map_errors SEC(".maps");

static __always_inline void map_errors_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(12) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_errors_slot(void *ctx, __s64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_errors, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_errors, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_errors, key);
	if (!slot)
		map_errors_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_errors_delete(__s64 *key)
{
	return bpf_map_delete_elem(&map_errors, key);
}

/* @cmd */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_1);
	__type(value, struct number);
} map_cmd SEC(".maps");

static __always_inline void map_cmd_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(13) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_cmd_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct number *slot = bpf_map_lookup_elem(&map_cmd, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_cmd, key, (struct number *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_cmd, key);
	if (!slot)
		map_cmd_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_cmd_delete(struct tuple_1 *key)
{
	return bpf_map_delete_elem(&map_cmd, key);
}

/* @small */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} map_small SEC(".maps");

static __always_inline void map_small_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(14) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_small_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_small, &zero);
}

static __always_inline void map_small_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_small, &zero, value, BPF_ANY);

	if (result)
		map_small_full(ctx, warning, result);
}

static __always_inline long map_small_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_small, &zero);
}

/* @half */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s16);
} map_half SEC(".maps");

static __always_inline void map_half_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(15) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s16 *map_half_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_half, &zero);
}

static __always_inline void map_half_update(void *ctx, __s16 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_half, &zero, value, BPF_ANY);

	if (result)
		map_half_full(ctx, warning, result);
}

static __always_inline long map_half_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_half, &zero);
}

/* @second */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} map_second SEC(".maps");

static __always_inline void map_second_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(16) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_second_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_second, &zero);
}

static __always_inline void map_second_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_second, &zero, value, BPF_ANY);

	if (result)
		map_second_full(ctx, warning, result);
}

static __always_inline long map_second_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_second, &zero);
}

/* @tail */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_17);
	__type(value, struct count);
} map_tail SEC(".maps");

static __always_inline void map_tail_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(17) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_tail_slot(void *ctx, struct string_17 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_tail, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_tail, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_tail, key);
	if (!slot)
		map_tail_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_tail_delete(struct string_17 *key)
{
	return bpf_map_delete_elem(&map_tail, key);
}

struct probe_0_record {
	__u8 before_0[32];
	__u64 prev_state;
	__u8 before_1[16];
	__u32 next_pid;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_0(struct probe_0_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(1);
	/* @out[args.prev_comm] = count(); */
#line 3 "tracepoints.bt"
	struct string_16 key_0;
	struct string_17 text_0;
	__builtin_memset(text_0.data, 0, 17);
	bpf_probe_read_kernel_str(text_0.data, 17, (void *)ctx + 8);
	__builtin_memcpy(key_0.data, text_0.data, 16);
	struct count *slot_0 = map_out_slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @state[args.next_pid, args.prev_state] = count(); */
#line 4 "tracepoints.bt"
	struct tuple_0 key_1;
	__builtin_memset(&key_1, 0, sizeof(key_1));
	key_1.f0 = (__s32)ctx->next_pid;
	key_1.f1 = (__s64)ctx->prev_state;
	struct count *slot_1 = map_state_slot(ctx, &key_1, 1);
	if (slot_1) {
		slot_1->n += 1;
	}
	return 1;
}

struct probe_1_record {
	__u8 before_0[24];
	__u64 filename;
};
struct probe_1_scratch {
	__u64 busy;
	struct string_1024 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_1_body(struct probe_1_record *ctx, struct probe_1_scratch *scratch)
{
	/* @files[str(args.filename)] = count(); */
#line 6 "tracepoints.bt"
	clear_bytes(scratch->key_0.data, 1024);
	bpf_probe_read_user_str(scratch->key_0.data, 1024, (void *)((__u64)ctx->filename));
	struct count *slot_0 = map_files_slot(ctx, &scratch->key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_enter_openat */
SEC("tracepoint")
int probe_1(struct probe_1_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(2);
	slot = scratch_enter(3);
	if (!slot)
		return 1;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

struct probe_2_record {
	__u8 before_0[16];
	__u64 ret;
};
/* tracepoint:syscalls:sys_exit_openat */
SEC("tracepoint")
int probe_2(struct probe_2_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(4);
	/* if args.ret < 0 */
#line 7 "tracepoints.bt"
	if (((__s64)ctx->ret < 0)) {
		/* @errors[args.ret] = count(); */
#line 7 "tracepoints.bt"
		__s64 key_0;
		key_0 = (__s64)ctx->ret;
		struct count *slot_0 = map_errors_slot(ctx, &key_0, 3);
		if (slot_0) {
			slot_0->n += 1;
		}
		/* return 0; */
#line 7 "tracepoints.bt"
		return 0;
	}
	return 1;
}

struct probe_3_record {
	__u8 before_0[28];
	__u32 bytes;
	__u8 before_1[28];
	__u32 cmd;
};
struct probe_3_scratch {
	__u64 busy;
	struct tuple_1 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_3_body(struct probe_3_record *ctx, struct probe_3_scratch *scratch)
{
	/* @cmd[str(args.cmd), args.rwbs] = sum(args.bytes); */
#line 8 "tracepoints.bt"
	__s64 number_0 = (__s64)(__u32)ctx->bytes;
	clear_bytes(&scratch->key_0, sizeof(scratch->key_0));
	clear_bytes(scratch->key_0.f0.data, 1024);
	bpf_probe_read_kernel_str(scratch->key_0.f0.data, 1024, (void *)(((__u64)ctx + (ctx->cmd & 0xffff))));
	struct string_9 text_0;
	__builtin_memset(text_0.data, 0, 9);
	bpf_probe_read_kernel_str(text_0.data, 9, (void *)ctx + 34);
	__builtin_memcpy(scratch->key_0.f1.data, text_0.data, 8);
	struct number *slot_0 = map_cmd_slot(ctx, &scratch->key_0, 4);
	if (slot_0) {
		slot_0->value += number_0;
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:block:block_rq_issue */
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

struct probe_4_record {
	__u8 before_0[8];
	__u8 small;
	__u8 less;
	__u8 before_2[30];
	__u64 args_1;
	__u8 before_3[12];
	__u16 half;
};
/* tracepoint:odd:widths */
SEC("tracepoint")
int probe_4(struct probe_4_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(7);
	/* @small = args.small + args.less; */
#line 10 "tracepoints.bt"
	__s64 value_0;
	value_0 = ((__s64)(__u8)ctx->small + (__s64)(__s8)ctx->less);
	map_small_update(ctx, &value_0, 5);
	/* @half = args.half; */
#line 11 "tracepoints.bt"
	__s16 value_1;
	value_1 = (__s16)ctx->half;
	map_half_update(ctx, &value_1, 6);
	/* @second = args.args[1]; */
#line 12 "tracepoints.bt"
	__u64 value_2;
	value_2 = (__u64)ctx->args_1;
	map_second_update(ctx, &value_2, 7);
	return 1;
}

struct probe_5_record {
	__u8 before_0[8];
	__u32 tail;
};
/* tracepoint:odd:relative */
SEC("tracepoint")
int probe_5(struct probe_5_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(8);
	/* @tail[str(args.tail, 16)] = count(); */
#line 14 "tracepoints.bt"
	struct string_17 key_0;
	__builtin_memset(key_0.data, 0, 17);
	bpf_probe_read_kernel_str(key_0.data, 16, (void *)(((__u64)ctx + 12 + (ctx->tail & 0xffff))));
	struct count *slot_0 = map_tail_slot(ctx, &key_0, 8);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
