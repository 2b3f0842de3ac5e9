/* scalars.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
};

struct number {
	__s64 value;
	__u64 n;
};

struct hist_249 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[249];
};

struct hist_65 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[65];
};

struct hist_10 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[10];
};

struct string_16 {
	char data[16];
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

BPF_TABLE("percpu_array", __u32, __u64, ledger, 13);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
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

static __always_inline void hist_add_0(struct hist_65 *hist, __s64 n)
{
	/* below 1 each number has a bucket of its own, and below 0 all have the first one */
	__u64 shift = highest_bit(n | 1) - 0;
	__u64 large = (0 - (__u64)n) >> 63;
	/* below 0 the shift is too large for C */
	__u64 rest = ((__u64)n >> (shift & 63)) & 0;
	__u64 bucket = ((shift + large) << 0) + 1 + rest;

	bucket &= ~(n >> 63);
	if (!hist->n || n < hist->min)
		hist->min = n;
	if (!hist->n || n > hist->max)
		hist->max = n;
	hist->n += 1;
	hist->sum += n;
	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket < 65)
		hist->buckets[bucket] += 1;
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

static __always_inline void lhist_add_10(struct hist_10 *hist, __s64 n, __s64 min,
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
	if (bucket < 10)
		hist->buckets[bucket] += 1;
}

/* @calls */
BPF_TABLE("percpu_array", __u32, struct count, map_calls, 1);

static __always_inline struct count *map_calls_slot(void *ctx)
{
	__u32 zero = 0;

	return map_calls.lookup(&zero);
}

/* @bytes */
BPF_TABLE("percpu_array", __u32, struct number, map_bytes, 1);

static __always_inline struct number *map_bytes_slot(void *ctx)
{
	__u32 zero = 0;

	return map_bytes.lookup(&zero);
}

/* @least */
BPF_TABLE("percpu_array", __u32, struct number, map_least, 1);

static __always_inline struct number *map_least_slot(void *ctx)
{
	__u32 zero = 0;

	return map_least.lookup(&zero);
}

/* @most */
BPF_TABLE("percpu_array", __u32, struct number, map_most, 1);

static __always_inline struct number *map_most_slot(void *ctx)
{
	__u32 zero = 0;

	return map_most.lookup(&zero);
}

/* @mean */
BPF_TABLE("percpu_array", __u32, struct number, map_mean, 1);

static __always_inline struct number *map_mean_slot(void *ctx)
{
	__u32 zero = 0;

	return map_mean.lookup(&zero);
}

/* @figures */
BPF_TABLE("percpu_array", __u32, struct number, map_figures, 1);

static __always_inline struct number *map_figures_slot(void *ctx)
{
	__u32 zero = 0;

	return map_figures.lookup(&zero);
}

/* @fine */
BPF_TABLE("percpu_array", __u32, struct hist_249, map_fine, 1);

static __always_inline struct hist_249 *map_fine_slot(void *ctx)
{
	__u32 zero = 0;

	return map_fine.lookup(&zero);
}

/* @coarse */
BPF_TABLE("percpu_array", __u32, struct hist_65, map_coarse, 1);

static __always_inline struct hist_65 *map_coarse_slot(void *ctx)
{
	__u32 zero = 0;

	return map_coarse.lookup(&zero);
}

/* @linear */
BPF_TABLE("percpu_array", __u32, struct hist_10, map_linear, 1);

static __always_inline struct hist_10 *map_linear_slot(void *ctx)
{
	__u32 zero = 0;

	return map_linear.lookup(&zero);
}

/* @last */
BPF_TABLE("hash", __u32, __u64, map_last, 1);

static __always_inline void map_last_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_last_lookup(void)
{
	__u32 zero = 0;

	return map_last.lookup(&zero);
}

static __always_inline void map_last_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_last.update(&zero, value);

	if (result)
		map_last_full(ctx, warning, result);
}

static __always_inline long map_last_delete(void)
{
	__u32 zero = 0;

	return map_last.delete(&zero);
}

/* @last_name */
BPF_TABLE("hash", __u32, struct string_16, map_last_name, 1);

static __always_inline void map_last_name_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(12) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_16 *map_last_name_lookup(void)
{
	__u32 zero = 0;

	return map_last_name.lookup(&zero);
}

static __always_inline void map_last_name_update(void *ctx, struct string_16 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_last_name.update(&zero, value);

	if (result)
		map_last_name_full(ctx, warning, result);
}

static __always_inline long map_last_name_delete(void)
{
	__u32 zero = 0;

	return map_last_name.delete(&zero);
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @calls = count(); */
#line 3 "scalars.bt"
	struct count *slot_0 = map_calls_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @bytes = sum(arg2); */
#line 4 "scalars.bt"
	__s64 number_0 = (__s64)ctx[12];
	struct number *slot_1 = map_bytes_slot(ctx);
	if (slot_1) {
		slot_1->value += number_0;
		slot_1->n += 1;
	}
	/* @least = min(arg2); */
#line 5 "scalars.bt"
	__s64 number_1 = (__s64)ctx[12];
	struct number *slot_2 = map_least_slot(ctx);
	if (slot_2) {
		if (!slot_2->n || (__u64)(number_1) < (__u64)slot_2->value)
			slot_2->value = number_1;
		slot_2->n += 1;
	}
	/* @most = max((int64)arg2); */
#line 6 "scalars.bt"
	__s64 number_2 = ((__s64)ctx[12]);
	struct number *slot_3 = map_most_slot(ctx);
	if (slot_3) {
		if (!slot_3->n || (number_2) > slot_3->value)
			slot_3->value = number_2;
		slot_3->n += 1;
	}
	/* @mean = avg((int32)arg2); */
#line 7 "scalars.bt"
	__s64 number_3 = (__s64)((__s32)ctx[12]);
	struct number *slot_4 = map_mean_slot(ctx);
	if (slot_4) {
		slot_4->value += number_3;
		slot_4->n += 1;
	}
	/* @figures = stats(arg2); */
#line 8 "scalars.bt"
	__s64 number_4 = (__s64)ctx[12];
	struct number *slot_5 = map_figures_slot(ctx);
	if (slot_5) {
		slot_5->value += number_4;
		slot_5->n += 1;
	}
	/* @fine = hist(arg2, 2); */
#line 9 "scalars.bt"
	__s64 number_5 = (__s64)ctx[12];
	struct hist_249 *slot_6 = map_fine_slot(ctx);
	if (slot_6) {
		hist_add_2(slot_6, number_5);
	}
	/* @coarse = hist(arg2); */
#line 10 "scalars.bt"
	__s64 number_6 = (__s64)ctx[12];
	struct hist_65 *slot_7 = map_coarse_slot(ctx);
	if (slot_7) {
		hist_add_0(slot_7, number_6);
	}
	/* @linear = lhist(arg2, 0, 4096, 512); */
#line 11 "scalars.bt"
	__s64 number_7 = (__s64)ctx[12];
	struct hist_10 *slot_8 = map_linear_slot(ctx);
	if (slot_8) {
		lhist_add_10(slot_8, number_7, 0LL, 4096LL, 512);
	}
	/* @last = nsecs; */
#line 12 "scalars.bt"
	__u64 value_0;
	value_0 = bpf_ktime_get_boot_ns();
	map_last_update(ctx, &value_0, 0);
	/* @last_name = comm; */
#line 13 "scalars.bt"
	struct string_16 value_1;
	__builtin_memset(value_1.data, 0, 16);
	bpf_get_current_comm(value_1.data, 16);
	map_last_name_update(ctx, &value_1, 1);
	return 0;
}
