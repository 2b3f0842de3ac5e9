/* tseries.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct tseries_slot {
	__s64 value;
	__u64 meta;
	__u64 epoch; /* plus 1; 0: no data */
};

struct tseries_60 {
	struct tseries_slot slots[60];
};

struct string_16 {
	char data[16];
};

struct tseries_20 {
	struct tseries_slot slots[20];
};

struct event_1 {
	struct event_header header;
	struct string_16 arg0;
	__s64 arg1;
	__u64 arg2;
};

struct event_3 {
	struct event_header header;
	struct string_16 arg0;
	__s64 arg1;
	__u64 arg2;
};

struct tseries_10 {
	struct tseries_slot slots[10];
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[60];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 7);

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

static __always_inline void tseries_avg_10(struct tseries_10 *series, __s64 n, __u64 now,
		__u64 interval)
{
	__u64 epoch = now / interval, bucket = epoch % 10;
	struct tseries_slot *slot;

	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket >= 10)
		return;
	slot = &series->slots[bucket];
	if (slot->epoch != epoch + 1) {
		slot->value = n;
		slot->meta = 1;
		slot->epoch = epoch + 1;
		return;
	}
	slot->value += n;
	slot->meta += 1;
}

static __always_inline void tseries_last_60(struct tseries_60 *series, __s64 n, __u64 now,
		__u64 interval)
{
	__u64 epoch = now / interval, bucket = epoch % 60;
	struct tseries_slot *slot;

	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket >= 60)
		return;
	slot = &series->slots[bucket];
	if (slot->epoch != epoch + 1) {
		slot->value = n;
		slot->meta = now;
		slot->epoch = epoch + 1;
		return;
	}
	slot->value = n;
	slot->meta = now;
}

static __always_inline void tseries_max_unsigned_20(struct tseries_20 *series, __s64 n, __u64 now,
		__u64 interval)
{
	__u64 epoch = now / interval, bucket = epoch % 20;
	struct tseries_slot *slot;

	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket >= 20)
		return;
	slot = &series->slots[bucket];
	if (slot->epoch != epoch + 1) {
		slot->value = n;
		slot->meta = now;
		slot->epoch = epoch + 1;
		return;
	}
	if ((__u64)n > (__u64)slot->value)
		slot->value = n;
}

static __always_inline void tseries_min_20(struct tseries_20 *series, __s64 n, __u64 now,
		__u64 interval)
{
	__u64 epoch = now / interval, bucket = epoch % 20;
	struct tseries_slot *slot;

	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket >= 20)
		return;
	slot = &series->slots[bucket];
	if (slot->epoch != epoch + 1) {
		slot->value = n;
		slot->meta = now;
		slot->epoch = epoch + 1;
		return;
	}
	if (n < slot->value)
		slot->value = n;
}

static __always_inline void tseries_sum_10(struct tseries_10 *series, __s64 n, __u64 now,
		__u64 interval)
{
	__u64 epoch = now / interval, bucket = epoch % 10;
	struct tseries_slot *slot;

	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket >= 10)
		return;
	slot = &series->slots[bucket];
	if (slot->epoch != epoch + 1) {
		slot->value = n;
		slot->meta = now;
		slot->epoch = epoch + 1;
		return;
	}
	slot->value += n;
}

/* @last */
BPF_TABLE("percpu_array", __u32, struct tseries_60, map_last, 1);

static __always_inline struct tseries_60 *map_last_slot(void *ctx)
{
	__u32 zero = 0;

	return map_last.lookup(&zero);
}

/* @most */
BPF_F_TABLE("percpu_hash", struct string_16, struct tseries_20, map_most, 4096, BPF_F_NO_PREALLOC);

static __always_inline void map_most_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct tseries_20 *map_most_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct tseries_20 *slot = map_most.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_most.insert(key, (struct tseries_20 *)zero_value);
	slot = map_most.lookup(key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_most_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_most_delete(struct string_16 *key)
{
	return map_most.delete(key);
}

/* @least */
BPF_F_TABLE("percpu_hash", struct string_16, struct tseries_20, map_least, 4096, BPF_F_NO_PREALLOC);

static __always_inline void map_least_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct tseries_20 *map_least_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct tseries_20 *slot = map_least.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_least.insert(key, (struct tseries_20 *)zero_value);
	slot = map_least.lookup(key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_least_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_least_delete(struct string_16 *key)
{
	return map_least.delete(key);
}

/* @mean */
BPF_TABLE("percpu_array", __u32, struct tseries_10, map_mean, 1);

static __always_inline struct tseries_10 *map_mean_slot(void *ctx)
{
	__u32 zero = 0;

	return map_mean.lookup(&zero);
}

/* @sum */
BPF_TABLE("percpu_array", __u32, struct tseries_10, map_sum, 1);

static __always_inline struct tseries_10 *map_sum_slot(void *ctx)
{
	__u32 zero = 0;

	return map_sum.lookup(&zero);
}

struct probe_0_record {
	__u8 before_0[24];
	__u32 prev_pid;
};
/* tracepoint:sched:sched_switch */
int probe_0(struct probe_0_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(1);
	/* @last = tseries(args.prev_pid, 1s, 60); */
#line 4 "tseries.bt"
	__s64 number_0 = (__s64)(__s32)ctx->prev_pid;
	__u64 now_0 = bpf_ktime_get_tai_ns();
	struct tseries_60 *slot_0 = map_last_slot(ctx);
	if (slot_0) {
		tseries_last_60(slot_0, number_0, now_0, 1000000000ULL);
	}
	/* @most[comm] = tseries((uint64)args.prev_pid, 100ms, 20, "max"); */
#line 5 "tseries.bt"
	__s64 number_1 = (__s64)((__u64)(__s32)ctx->prev_pid);
	__u64 now_1 = bpf_ktime_get_tai_ns();
	struct string_16 key_0;
	__builtin_memset(key_0.data, 0, 16);
	bpf_get_current_comm(key_0.data, 16);
	_Bool later_0 = 0;
	struct tseries_20 *slot_1 = map_most_slot(ctx, &key_0, 0, &later_0);
	if (slot_1) {
		tseries_max_unsigned_20(slot_1, number_1, now_1, 100000000ULL);
	}
	if (later_0) {
		struct event_1 event_0;
		__builtin_memcpy(&event_0.arg0, &key_0, 16);
		event_0.arg1 = number_1;
		event_0.arg2 = now_1;
		event_0.header.time = bpf_ktime_get_ns();
		event_0.header.id = 1;
		event_0.header.unused = 0;
		send(ctx, &event_0, sizeof(event_0));
	}
	/* @least[comm] = tseries(args.prev_pid, 100ms, 20, "min"); */
#line 6 "tseries.bt"
	__s64 number_2 = (__s64)(__s32)ctx->prev_pid;
	__u64 now_2 = bpf_ktime_get_tai_ns();
	_Bool later_1 = 0;
	struct tseries_20 *slot_2 = map_least_slot(ctx, &key_0, 2, &later_1);
	if (slot_2) {
		tseries_min_20(slot_2, number_2, now_2, 100000000ULL);
	}
	if (later_1) {
		struct event_3 event_1;
		__builtin_memcpy(&event_1.arg0, &key_0, 16);
		event_1.arg1 = number_2;
		event_1.arg2 = now_2;
		event_1.header.time = bpf_ktime_get_ns();
		event_1.header.id = 3;
		event_1.header.unused = 0;
		send(ctx, &event_1, sizeof(event_1));
	}
	/* @mean = tseries(args.prev_pid, 1m, 10, "avg"); */
#line 7 "tseries.bt"
	__s64 number_3 = (__s64)(__s32)ctx->prev_pid;
	__u64 now_3 = bpf_ktime_get_tai_ns();
	struct tseries_10 *slot_3 = map_mean_slot(ctx);
	if (slot_3) {
		tseries_avg_10(slot_3, number_3, now_3, 60000000000ULL);
	}
	/* @sum = tseries(args.prev_pid, 1m, 10, "sum"); */
#line 8 "tseries.bt"
	__s64 number_4 = (__s64)(__s32)ctx->prev_pid;
	__u64 now_4 = bpf_ktime_get_tai_ns();
	struct tseries_10 *slot_4 = map_sum_slot(ctx);
	if (slot_4) {
		tseries_sum_10(slot_4, number_4, now_4, 60000000000ULL);
	}
	return 1;
}
