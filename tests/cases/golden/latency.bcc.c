/* latency.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_16 {
	char data[16];
};

struct hist_65 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[65];
};

struct event_2 {
	struct event_header header;
	struct string_16 arg0;
	__s64 arg1;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[69];
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

/* @start */
BPF_TABLE("hash", __u32, __u64, map_start, 4096);

static __always_inline void map_start_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_start_lookup(__u32 *key)
{
	return map_start.lookup(key);
}

static __always_inline void map_start_update(void *ctx, __u32 *key, __u64 *value, __u32 warning)
{
	int result = map_start.update(key, value);

	if (result)
		map_start_full(ctx, warning, result);
}

static __always_inline long map_start_delete(__u32 *key)
{
	return map_start.delete(key);
}

/* @ns */
BPF_F_TABLE("percpu_hash", struct string_16, struct hist_65, map_ns, 4096, BPF_F_NO_PREALLOC);

static __always_inline void map_ns_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct hist_65 *map_ns_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct hist_65 *slot = map_ns.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_ns.insert(key, (struct hist_65 *)zero_value);
	slot = map_ns.lookup(key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_ns_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_ns_delete(struct string_16 *key)
{
	return map_ns.delete(key);
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @start[tid] = nsecs; */
#line 2 "latency.bt"
	__u64 value_0;
	value_0 = bpf_ktime_get_boot_ns();
	__u32 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_0 = (__u32)pid_tgid_0;
	map_start_update(ctx, &key_0, &value_0, 0);
	return 0;
}

/* kretprobe:vfs_read */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* if @start[tid] */
#line 3 "latency.bt"
	__u32 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_0 = (__u32)pid_tgid_0;
	__u64 *found_0 = map_start_lookup(&key_0);
	__u64 value_0 = found_0 ? *found_0 : 0;
	if (value_0) {
		/* @ns[comm] = hist(nsecs - @start[tid]); */
#line 4 "latency.bt"
		__s64 number_0 = ((__s64)bpf_ktime_get_boot_ns() - (__s64)value_0);
		struct string_16 key_1;
		__builtin_memset(key_1.data, 0, 16);
		bpf_get_current_comm(key_1.data, 16);
		_Bool later_0 = 0;
		struct hist_65 *slot_0 = map_ns_slot(ctx, &key_1, 1, &later_0);
		if (slot_0) {
			hist_add_0(slot_0, number_0);
		}
		if (later_0) {
			struct event_2 event_0;
			__builtin_memcpy(&event_0.arg0, &key_1, 16);
			event_0.arg1 = number_0;
			event_0.header.time = bpf_ktime_get_ns();
			event_0.header.id = 2;
			event_0.header.unused = 0;
			send(ctx, &event_0, sizeof(event_0));
		}
		/* delete(@start, tid) */
#line 5 "latency.bt"
		int missing_0 = map_start_delete(&key_0);
		if (missing_0) {
			warn_failed(ctx, 3, missing_0);
		}
	}
	return 0;
}
