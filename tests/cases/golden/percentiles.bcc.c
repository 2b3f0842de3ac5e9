/* percentiles.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

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

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[253];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 5);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("array", __u32, struct zeros, zeros, 1);

static __always_inline struct zeros *zeros_at(__u32 *index)
{
	return zeros.lookup(index);
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
BPF_TABLE("percpu_array", __u32, struct hist_1889, map_all, 1);

static __always_inline struct hist_1889 *map_all_slot(void *ctx)
{
	__u32 zero = 0;

	return map_all.lookup(&zero);
}

/* @two */
BPF_F_TABLE("percpu_hash", struct string_16, struct hist_249, map_two, 4096, BPF_F_NO_PREALLOC);

static __always_inline void map_two_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct hist_249 *map_two_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct hist_249 *slot = map_two.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_two.insert(key, (struct hist_249 *)zero_value);
	slot = map_two.lookup(key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_two_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_two_delete(struct string_16 *key)
{
	return map_two.delete(key);
}

/* @line */
BPF_TABLE("percpu_array", __u32, struct hist_102, map_line, 1);

static __always_inline struct hist_102 *map_line_slot(void *ctx)
{
	__u32 zero = 0;

	return map_line.lookup(&zero);
}

/* kretprobe:vfs_read */
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
