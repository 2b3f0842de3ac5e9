/* loops.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static long (*bpf_for_each_map_elem)(void *map, void *callback, void *frame, __u64 flags) = (void *)164;
static long (*bpf_loop)(__u32 count, void *callback, void *frame, __u64 flags) = (void *)181;
static void *(*bpf_map_lookup_percpu_elem)(void *map, const void *key, __u32 cpu) = (void *)195;

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

struct tuple_0 {
	__s32 f0;
	struct string_16 f1;
};

struct event_0 {
	struct event_header header;
	struct string_16 arg0;
	struct string_16 arg1;
};

struct tuple_1 {
	__s32 f0;
	__s8 f1;
};

struct count {
	__u64 n;
};

struct tuple_2 {
	struct tuple_1 f0;
	__s64 f1;
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

struct zeros {
	__u64 words[1];
};

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

/* The verifier wants to see a 1, but clang would return a byte of memory that it knows to be 1. */
static __always_inline long end_loop(void)
{
	long one = 1;

	asm volatile("" : "+r"(one));
	return one;
}

/* The value, of which the verifier knows nothing: else it would follow a counter round by round. */
static __always_inline __u64 forget(__u64 value, __u64 unknown)
{
	asm volatile("%0 += %1; %0 -= %1" : "+r"(value) : "r"(unknown));
	return value;
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

/* The kernel refuses more rounds than this as a whole (BPF_MAX_LOOPS). */
static __always_inline void repeat(__u32 count, void *callback, void *frame)
{
	if (count > 8388608)
		count = 8388608;
	bpf_loop(count, callback, frame, 0);
}

/* @pairs */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_1);
	__type(value, struct count);
} map_pairs SEC(".maps");

static __always_inline __s64 map_pairs_read(struct tuple_1 *key)
{
	__s64 total = 0;
	__u64 n = 0;
	for (__u32 cpu = 0; cpu < 512; cpu++) {
		struct count *slot = bpf_map_lookup_percpu_elem(&map_pairs, key, cpu);

		if (!slot)
			break;
		total += slot->n;
	}
	(void)n;
	return total;
}

static __always_inline long map_pairs_each(void *callback, void *frame)
{
	return bpf_for_each_map_elem(&map_pairs, callback, frame, 0);
}

static __always_inline void map_pairs_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_pairs_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_pairs, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_pairs, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_pairs, key);
	if (!slot)
		map_pairs_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_pairs_delete(struct tuple_1 *key)
{
	return bpf_map_delete_elem(&map_pairs, key);
}

/* @names */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __s32);
	__type(value, struct string_16);
} map_names SEC(".maps");

static __always_inline long map_names_each(void *callback, void *frame)
{
	return bpf_for_each_map_elem(&map_names, callback, frame, 0);
}

static __always_inline void map_names_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_16 *map_names_lookup(__s32 *key)
{
	return bpf_map_lookup_elem(&map_names, key);
}

static __always_inline void map_names_update(void *ctx, __s32 *key, struct string_16 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_names, key, value, BPF_ANY);

	if (result)
		map_names_full(ctx, warning, result);
}

static __always_inline long map_names_delete(__s32 *key)
{
	return bpf_map_delete_elem(&map_names, key);
}

/* @total */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct number);
} map_total SEC(".maps");

static __always_inline struct number *map_total_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_total, &zero);
}

/* @left */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __s64);
	__type(value, __s64);
} map_left SEC(".maps");

static __always_inline void map_left_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_left_lookup(__s64 *key)
{
	return bpf_map_lookup_elem(&map_left, key);
}

static __always_inline void map_left_update(void *ctx, __s64 *key, __s64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_left, key, value, BPF_ANY);

	if (result)
		map_left_full(ctx, warning, result);
}

static __always_inline long map_left_delete(__s64 *key)
{
	return bpf_map_delete_elem(&map_left, key);
}

struct probe_0_record {
	__u8 before_0[56];
	__u32 next_pid;
};
struct probe_0_frame {
	__s64 v_sum;
	struct string_16 v_name;
	__u64 unknown;
	struct tuple_0 v_kv;
	_Bool left;
	int result;
	void *ctx;
};

/* for 0..$n */
static long probe_0_loop_0(__u32 index, struct probe_0_frame *frame)
{
	__s32 v_i = index;
	/* if $i == 3 */
#line 8 "loops.bt"
	if (((__s64)v_i == 3)) {
		/* continue */
#line 8 "loops.bt"
		return 0;
	}
	/* if $i > 100 */
#line 9 "loops.bt"
	if (((__s64)v_i > 100)) {
		/* break */
#line 9 "loops.bt"
		return end_loop();
	}
	/* $sum += $i; */
#line 10 "loops.bt"
	frame->v_sum = forget((frame->v_sum + (__s64)v_i), frame->unknown);
	return 0;
}

/* for -2..2 */
static long probe_0_loop_2(__u32 index, struct probe_0_frame *frame)
{
	void *ctx = frame->ctx;
	__s8 v_j = -2LL + index;
	/* if $j == 1 */
#line 15 "loops.bt"
	if (((__s64)v_j == 1)) {
		/* return 1; */
#line 15 "loops.bt"
		frame->result = 1;
		frame->left = 1;
		return end_loop();
	}
	/* @pairs[$kv.0, $j] = count(); */
#line 16 "loops.bt"
	struct tuple_1 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = frame->v_kv.f0;
	key_0.f1 = v_j;
	struct count *slot_0 = map_pairs_slot(ctx, &key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* for $kv : @names */
static long probe_0_loop_1(void *map, __s32 *key, struct string_16 *value, struct probe_0_frame *frame)
{
	void *ctx = frame->ctx;
	frame->v_kv.f0 = *key;
	__builtin_memcpy(&frame->v_kv.f1, __builtin_assume_aligned(value, 8), 16);
	/* printf("%s %s\n", $name, $kv.1) */
#line 13 "loops.bt"
	struct event_0 event_0;
	__builtin_memcpy(event_0.arg0.data, frame->v_name.data, 16);
	__builtin_memcpy(event_0.arg1.data, frame->v_kv.f1.data, 16);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* for -2..2 */
#line 14 "loops.bt"
	repeat(4, probe_0_loop_2, frame);
	if (frame->left)
		return end_loop();
	/* delete(@names, $kv.0) */
#line 18 "loops.bt"
	__s32 key_1;
	key_1 = frame->v_kv.f0;
	int missing_0 = map_names_delete(&key_1);
	if (missing_0) {
		warn_failed(ctx, 2, missing_0);
	}
	return 0;
}

/* for $pair : @pairs */
static long probe_0_loop_3(void *map, struct tuple_1 *key, struct count *value, struct probe_0_frame *frame)
{
	void *ctx = frame->ctx;
	struct tuple_2 in_v_pair__0;
	struct tuple_2 *v_pair = &in_v_pair__0;
	(*v_pair).f1 = map_pairs_read(key);
	/* @total = sum($pair.1); */
#line 20 "loops.bt"
	__s64 number_0 = (*v_pair).f1;
	struct number *slot_1 = map_total_slot(ctx);
	if (slot_1) {
		slot_1->value += number_0;
		slot_1->n += 1;
	}
	return 0;
}

/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_0(struct probe_0_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(1);
	struct probe_0_frame shared;
	struct probe_0_frame *frame = &shared;

	frame->ctx = ctx;
	frame->unknown = bpf_ktime_get_ns();
	frame->left = 0;
	/* $sum = 0; */
#line 4 "loops.bt"
	frame->v_sum = 0;
	/* $name = str(args.next_comm); */
#line 5 "loops.bt"
	struct string_17 text_0;
	__builtin_memset(text_0.data, 0, 17);
	bpf_probe_read_kernel_str(text_0.data, 17, (void *)ctx + 40);
	__builtin_memcpy(frame->v_name.data, text_0.data, 16);
	/* $n = args.next_pid; */
#line 6 "loops.bt"
	__s32 v_n = (__s32)ctx->next_pid;
	/* for 0..$n */
#line 7 "loops.bt"
	__s32 count_0 = (__s32)(__s64)v_n;
	if (count_0 > 0)
		repeat(count_0, probe_0_loop_0, frame);
	/* for $kv : @names */
#line 12 "loops.bt"
	map_names_each(probe_0_loop_1, frame);
	if (frame->left)
		return frame->result;
	/* for $pair : @pairs */
#line 20 "loops.bt"
	map_pairs_each(probe_0_loop_3, frame);
	/* @names[$n] = comm; */
#line 21 "loops.bt"
	struct string_16 value_0;
	__builtin_memset(value_0.data, 0, 16);
	bpf_get_current_comm(value_0.data, 16);
	__s32 key_2;
	key_2 = v_n;
	map_names_update(ctx, &key_2, &value_0, 3);
	/* unroll 3 */
#line 22 "loops.bt"
	for (__u64 round_0 = 0; round_0 < 3; round_0++) {
		/* @left[$sum]++ */
#line 22 "loops.bt"
		__s64 key_3;
		key_3 = frame->v_sum;
		__s64 *found_0 = map_left_lookup(&key_3);
		__s64 old_0 = found_0 ? *found_0 : 0;
		__s64 new_0 = old_0 + 1;
		if (found_0)
			*found_0 = new_0;
		else
			map_left_update(ctx, &key_3, &new_0, 4);
		(void)old_0;
		/* if @left[$sum] > 2 */
#line 22 "loops.bt"
		__s64 *found_1 = map_left_lookup(&key_3);
		__s64 value_1 = found_1 ? *found_1 : 0;
		if ((value_1 > 2)) {
			/* break */
#line 22 "loops.bt"
			break;
		}
	}
	/* for 3..1 */
#line 23 "loops.bt"
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
