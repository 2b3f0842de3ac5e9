/* percentiles.bt: made by kptrace; SPDX-License-Identifier: GPL */
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

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct hist_1889 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[1889];
};

struct string_16 {
	char data[16];
};

struct hist_249 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[249];
};

struct event_1 {
	struct event_header header;
	struct string_16 arg0;
	__s64 arg1;
};

struct hist_102 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[102];
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
	__u64 words[253];
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

/*
 * Position of the highest set bit of a number below 2^63. Comparisons are sign bits: the verifier
 * follows both ways of a branch, which in a loop is all that it does.
 */
static __always_inline __u64 highest_bit(__u64 n)
{
	__u64 bit, shift;

	bit = (0xffffffff - n) >> 63 << 5;
	n >>= bit;
	shift = (0xffff - n) >> 63 << 4;
	n >>= shift;
	bit |= shift;
	shift = (0xff - n) >> 63 << 3;
	n >>= shift;
	bit |= shift;
	shift = (0xf - n) >> 63 << 2;
	n >>= shift;
	bit |= shift;
	shift = (0x3 - n) >> 63 << 1;
	n >>= shift;
	bit |= shift;
	return bit | (n >> 1);
}

static __always_inline void hist_add_2(struct hist_249 *hist, __s64 n)
{
	/* below 4 each number has a bucket of its own, and below 0 all have the first one */
	__u64 shift = highest_bit(n | 4) - 2;
	__u64 large = (3 - (__u64)n) >> 63;
	/* below 0 the shift is too large for C */
	__u64 rest = ((__u64)n >> (shift & 63)) & 3;
	__u64 bucket = ((shift + large) << 2) + 1 + rest;

	bucket &= ~(n >> 63);
	if (!hist->n || n < hist->min)
		hist->min = n;
	if (!hist->n || n > hist->max)
		hist->max = n;
	hist->n += 1;
	hist->sum += n;
	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket < 249)
		hist->buckets[bucket] += 1;
}

static __always_inline void hist_add_5(struct hist_1889 *hist, __s64 n)
{
	/* below 32 each number has a bucket of its own, and below 0 all have the first one */
	__u64 shift = highest_bit(n | 32) - 5;
	__u64 large = (31 - (__u64)n) >> 63;
	/* below 0 the shift is too large for C */
	__u64 rest = ((__u64)n >> (shift & 63)) & 31;
	__u64 bucket = ((shift + large) << 5) + 1 + rest;

	bucket &= ~(n >> 63);
	if (!hist->n || n < hist->min)
		hist->min = n;
	if (!hist->n || n > hist->max)
		hist->max = n;
	hist->n += 1;
	hist->sum += n;
	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket < 1889)
		hist->buckets[bucket] += 1;
}

static __always_inline void lhist_add_102(struct hist_102 *hist, __s64 n, __s64 min,
		__s64 max, __u64 step)
{
	__u64 bucket = 0;

	if (n > max)
		bucket = 1 + (__u64)(max - min) / step;
	else if (n >= min)
		bucket = 1 + (__u64)(n - min) / step;
	if (!hist->n || n < hist->min)
		hist->min = n;
	if (!hist->n || n > hist->max)
		hist->max = n;
	hist->n += 1;
	hist->sum += n;
	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket < 102)
		hist->buckets[bucket] += 1;
}

/* @all */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist_1889);
} map_all SEC(".maps");

static __always_inline struct hist_1889 *map_all_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_all, &zero);
}

/* @two */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct string_16);
	__type(value, struct hist_249);
} map_two SEC(".maps");

static __always_inline void map_two_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct hist_249 *map_two_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct hist_249 *slot = bpf_map_lookup_elem(&map_two, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_two, key, (struct hist_249 *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_two, key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_two_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_two_delete(struct string_16 *key)
{
	return bpf_map_delete_elem(&map_two, key);
}

/* @line */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist_102);
} map_line SEC(".maps");

static __always_inline struct hist_102 *map_line_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_line, &zero);
}

/* kretprobe:vfs_read */
SEC("kretprobe")
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @all = hist(retval); */
#line 4 "percentiles.bt"
	__s64 number_0 = (__s64)ctx[10];
	struct hist_1889 *slot_0 = map_all_slot(ctx);
	if (slot_0) {
		hist_add_5(slot_0, number_0);
	}
	/* @two[comm] = hist(retval, 2); */
#line 5 "percentiles.bt"
	__s64 number_1 = (__s64)ctx[10];
	struct string_16 key_0;
	__builtin_memset(key_0.data, 0, 16);
	bpf_get_current_comm(key_0.data, 16);
	_Bool later_0 = 0;
	struct hist_249 *slot_1 = map_two_slot(ctx, &key_0, 0, &later_0);
	if (slot_1) {
		hist_add_2(slot_1, number_1);
	}
	if (later_0) {
		struct event_1 event_0;
		__builtin_memcpy(&event_0.arg0, &key_0, 16);
		event_0.arg1 = number_1;
		event_0.header.time = bpf_ktime_get_ns();
		event_0.header.id = 1;
		event_0.header.unused = 0;
		send(ctx, &event_0, sizeof(event_0));
	}
	/* @line = lhist(retval, 0, 100, 1); */
#line 6 "percentiles.bt"
	__s64 number_2 = (__s64)ctx[10];
	struct hist_102 *slot_2 = map_line_slot(ctx);
	if (slot_2) {
		lhist_add_102(slot_2, number_2, 0LL, 100LL, 1);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
