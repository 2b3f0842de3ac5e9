/* tseries.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_ktime_get_tai_ns)(void) = (void *)208;

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
	__u64 words[60];
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
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tseries_60);
} map_last SEC(".maps");

static __always_inline struct tseries_60 *map_last_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_last, &zero);
}

/* @most */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct string_16);
	__type(value, struct tseries_20);
} map_most SEC(".maps");

static __always_inline void map_most_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct tseries_20 *map_most_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct tseries_20 *slot = bpf_map_lookup_elem(&map_most, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_most, key, (struct tseries_20 *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_most, key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_most_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_most_delete(struct string_16 *key)
{
	return bpf_map_delete_elem(&map_most, key);
}

/* @least */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct string_16);
	__type(value, struct tseries_20);
} map_least SEC(".maps");

static __always_inline void map_least_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct tseries_20 *map_least_slot(void *ctx, struct string_16 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct tseries_20 *slot = bpf_map_lookup_elem(&map_least, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_least, key, (struct tseries_20 *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_least, key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_least_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_least_delete(struct string_16 *key)
{
	return bpf_map_delete_elem(&map_least, key);
}

/* @mean */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tseries_10);
} map_mean SEC(".maps");

static __always_inline struct tseries_10 *map_mean_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_mean, &zero);
}

/* @sum */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tseries_10);
} map_sum SEC(".maps");

static __always_inline struct tseries_10 *map_sum_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_sum, &zero);
}

struct probe_0_record {
	__u8 before_0[24];
	__u32 prev_pid;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
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

char LICENSE[] SEC("license") = "GPL";
