/* task_storage.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
};
#define BPF_F_CURRENT_CPU 0xffffffffULL

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_get_current_comm)(void *to, __u32 size) = (void *)16;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static void *(*bpf_task_storage_get)(void *map, void *task, void *value, __u64 flags) = (void *)156;
static void *(*bpf_get_current_task_btf)(void) = (void *)158;
static __u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;
static long (*bpf_for_each_map_elem)(void *map, void *callback, void *frame, __u64 flags) = (void *)164;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct hist_65 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[65];
};

struct event_6 {
	struct event_header header;
};

struct string_16 {
	char data[16];
};

struct event_20 {
	struct event_header header;
};

struct event_21 {
	struct event_header header;
};

struct tuple_0 {
	__u32 f0;
	__s8 f1;
};

struct event_22 {
	struct event_header header;
	__u32 arg0;
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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 17);
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
struct map_start_entry {
	__u64 value;
	__u64 there;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(max_entries, 0);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct map_start_entry);
} map_start SEC(".maps");

static __always_inline void map_start_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_start_lookup(void)
{
	struct map_start_entry *entry = bpf_task_storage_get(&map_start, bpf_get_current_task_btf(), 0, 0);

	return entry && entry->there ? &entry->value : (void *)0;
}

static __always_inline void map_start_update(void *ctx, __u64 *value, __u32 warning)
{
	struct map_start_entry *entry = bpf_task_storage_get(&map_start, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!entry) {
		map_start_full(ctx, warning, -12);
		return;
	}
	entry->value = *value;
	entry->there = 1;
}

static __always_inline long map_start_delete(__u64 *value)
{
	if (!value)
		return -2;
	((struct map_start_entry *)value)->there = 0;
	return 0;
}

/* @depth */
struct map_depth_entry {
	__s8 value;
	__u64 there;
};
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(max_entries, 0);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct map_depth_entry);
} map_depth SEC(".maps");

static __always_inline void map_depth_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_depth_lookup(void)
{
	struct map_depth_entry *entry = bpf_task_storage_get(&map_depth, bpf_get_current_task_btf(), 0, 0);

	return entry && entry->there ? &entry->value : (void *)0;
}

static __always_inline void map_depth_update(void *ctx, __s8 *value, __u32 warning)
{
	struct map_depth_entry *entry = bpf_task_storage_get(&map_depth, bpf_get_current_task_btf(), 0, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (!entry) {
		map_depth_full(ctx, warning, -12);
		return;
	}
	entry->value = *value;
	entry->there = 1;
}

static __always_inline long map_depth_delete(__s8 *value)
{
	if (!value)
		return -2;
	((struct map_depth_entry *)value)->there = 0;
	return 0;
}

/* @us */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist_65);
} map_us SEC(".maps");

static __always_inline struct hist_65 *map_us_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_us, &zero);
}

/* @printed */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __s8);
} map_printed SEC(".maps");

static __always_inline void map_printed_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_printed_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_printed, key);
}

static __always_inline void map_printed_update(void *ctx, __u32 *key, __s8 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_printed, key, value, BPF_ANY);

	if (result)
		map_printed_full(ctx, warning, result);
}

static __always_inline long map_printed_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_printed, key);
}

/* @counted */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __s64);
} map_counted SEC(".maps");

static __always_inline void map_counted_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_counted_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_counted, key);
}

static __always_inline void map_counted_update(void *ctx, __u32 *key, __s64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_counted, key, value, BPF_ANY);

	if (result)
		map_counted_full(ctx, warning, result);
}

static __always_inline long map_counted_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_counted, key);
}

/* @kept */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} map_kept SEC(".maps");

static __always_inline void map_kept_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_kept_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_kept, key);
}

static __always_inline void map_kept_update(void *ctx, __u32 *key, __u64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_kept, key, value, BPF_ANY);

	if (result)
		map_kept_full(ctx, warning, result);
}

static __always_inline long map_kept_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_kept, key);
}

/* @process */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} map_process SEC(".maps");

static __always_inline void map_process_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(12) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_process_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_process, key);
}

static __always_inline void map_process_update(void *ctx, __u32 *key, __u64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_process, key, value, BPF_ANY);

	if (result)
		map_process_full(ctx, warning, result);
}

static __always_inline long map_process_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_process, key);
}

/* @byte */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __s8);
} map_byte SEC(".maps");

static __always_inline void map_byte_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(13) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_byte_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_byte, key);
}

static __always_inline void map_byte_update(void *ctx, __u32 *key, __s8 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_byte, key, value, BPF_ANY);

	if (result)
		map_byte_full(ctx, warning, result);
}

static __always_inline long map_byte_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_byte, key);
}

/* @text */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct string_16);
} map_text SEC(".maps");

static __always_inline void map_text_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(14) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_16 *map_text_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_text, key);
}

static __always_inline void map_text_update(void *ctx, __u32 *key, struct string_16 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_text, key, value, BPF_ANY);

	if (result)
		map_text_full(ctx, warning, result);
}

static __always_inline long map_text_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_text, key);
}

/* @timed */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __s8);
} map_timed SEC(".maps");

static __always_inline void map_timed_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(15) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_timed_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_timed, key);
}

static __always_inline void map_timed_update(void *ctx, __u32 *key, __s8 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_timed, key, value, BPF_ANY);

	if (result)
		map_timed_full(ctx, warning, result);
}

static __always_inline long map_timed_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_timed, key);
}

/* @walked */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __s8);
} map_walked SEC(".maps");

static __always_inline long map_walked_each(void *callback, void *frame)
{
	return bpf_for_each_map_elem(&map_walked, callback, frame, 0);
}

static __always_inline void map_walked_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(16) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_walked_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_walked, key);
}

static __always_inline void map_walked_update(void *ctx, __u32 *key, __s8 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_walked, key, value, BPF_ANY);

	if (result)
		map_walked_full(ctx, warning, result);
}

static __always_inline long map_walked_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_walked, key);
}

struct probe_0_record {
	__u64 common;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_0(struct probe_0_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(1);
	/* if !@start[tid] */
#line 3 "task_storage.bt"
	__u64 *found_0 = map_start_lookup();
	__u64 value_0 = found_0 ? *found_0 : 0;
	if ((!value_0)) {
		/* @start[tid] = nsecs; */
#line 3 "task_storage.bt"
		__u64 value_1;
		value_1 = bpf_ktime_get_boot_ns();
		map_start_update(ctx, &value_1, 0);
		/* @depth[tid] = 1; */
#line 3 "task_storage.bt"
		__s8 value_2;
		value_2 = 1;
		map_depth_update(ctx, &value_2, 1);
	}
	return 1;
}

struct probe_1_record {
	__u64 common;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_1(struct probe_1_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(2);
	/* if @start[tid] && has_key(@depth, tid) */
#line 4 "task_storage.bt"
	__u64 *found_0 = map_start_lookup();
	__u64 value_0 = found_0 ? *found_0 : 0;
	_Bool condition_0 = value_0;
	if (condition_0) {
		__s8 *found_1 = map_depth_lookup();
		condition_0 = (found_1 != 0);
	}
	if (condition_0) {
		/* @us = hist((nsecs - @start[tid]) / 1000); */
#line 5 "task_storage.bt"
		__s64 number_0 = ((__s64)((__u64)(__u64)((__s64)bpf_ktime_get_boot_ns() - (__s64)value_0) / 1000));
		struct hist_65 *slot_0 = map_us_slot(ctx);
		if (slot_0) {
			hist_add_0(slot_0, number_0);
		}
		/* delete(@start, tid) */
#line 6 "task_storage.bt"
		asm volatile("" : "+r"(found_0)); /* what is checked is what is used */
		int missing_0 = map_start_delete(found_0);
		if (missing_0) {
			warn_failed(ctx, 2, missing_0);
		}
		/* delete(@depth[tid]) */
#line 7 "task_storage.bt"
		__s8 *found_2 = map_depth_lookup();
		int missing_1 = map_depth_delete(found_2);
		if (missing_1) {
			warn_failed(ctx, 3, missing_1);
		}
	}
	return 1;
}

struct probe_2_record {
	__u64 common;
};
/* tracepoint:sched:sched_switch */
SEC("tracepoint")
int probe_2(struct probe_2_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(3);
	/* @printed[tid] = 1; */
#line 13 "task_storage.bt"
	__s8 value_0;
	value_0 = 1;
	__u32 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_0 = (__u32)pid_tgid_0;
	map_printed_update(ctx, &key_0, &value_0, 4);
	/* delete(@printed, tid) */
#line 13 "task_storage.bt"
	int missing_0 = map_printed_delete(&key_0);
	if (missing_0) {
		warn_failed(ctx, 5, missing_0);
	}
	/* print(@printed) */
#line 13 "task_storage.bt"
	struct event_6 event_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 6;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* @counted[tid]++ */
#line 14 "task_storage.bt"
	__s64 *found_0 = map_counted_lookup(&key_0);
	__s64 old_0 = found_0 ? *found_0 : 0;
	__s64 new_0 = old_0 + 1;
	if (found_0)
		*found_0 = new_0;
	else
		map_counted_update(ctx, &key_0, &new_0, 7);
	(void)old_0;
	/* delete(@counted, tid) */
#line 14 "task_storage.bt"
	int missing_1 = map_counted_delete(&key_0);
	if (missing_1) {
		warn_failed(ctx, 8, missing_1);
	}
	/* @kept[tid] = nsecs; */
#line 15 "task_storage.bt"
	__u64 value_1;
	value_1 = bpf_ktime_get_boot_ns();
	map_kept_update(ctx, &key_0, &value_1, 9);
	/* @process[pid] = nsecs; */
#line 16 "task_storage.bt"
	__u64 value_2;
	value_2 = bpf_ktime_get_boot_ns();
	__u32 key_1;
	key_1 = (__u32)(pid_tgid_0 >> 32);
	map_process_update(ctx, &key_1, &value_2, 10);
	/* delete(@process, pid) */
#line 16 "task_storage.bt"
	int missing_2 = map_process_delete(&key_1);
	if (missing_2) {
		warn_failed(ctx, 11, missing_2);
	}
	/* @byte[(uint8)tid] = 1; */
#line 17 "task_storage.bt"
	__s8 value_3;
	value_3 = 1;
	__u32 key_2;
	key_2 = (__u32)((__u8)(__u32)pid_tgid_0);
	map_byte_update(ctx, &key_2, &value_3, 12);
	/* delete(@byte, tid) */
#line 17 "task_storage.bt"
	int missing_3 = map_byte_delete(&key_0);
	if (missing_3) {
		warn_failed(ctx, 13, missing_3);
	}
	/* @text[tid] = comm; */
#line 18 "task_storage.bt"
	struct string_16 value_4;
	__builtin_memset(value_4.data, 0, 16);
	bpf_get_current_comm(value_4.data, 16);
	map_text_update(ctx, &key_0, &value_4, 14);
	/* delete(@text, tid) */
#line 18 "task_storage.bt"
	int missing_4 = map_text_delete(&key_0);
	if (missing_4) {
		warn_failed(ctx, 15, missing_4);
	}
	/* @timed[tid] = 1; */
#line 19 "task_storage.bt"
	__s8 value_5;
	value_5 = 1;
	map_timed_update(ctx, &key_0, &value_5, 16);
	/* delete(@timed, tid) */
#line 19 "task_storage.bt"
	int missing_5 = map_timed_delete(&key_0);
	if (missing_5) {
		warn_failed(ctx, 17, missing_5);
	}
	/* @walked[tid] = 1; */
#line 20 "task_storage.bt"
	__s8 value_6;
	value_6 = 1;
	map_walked_update(ctx, &key_0, &value_6, 18);
	/* delete(@walked, tid) */
#line 20 "task_storage.bt"
	int missing_6 = map_walked_delete(&key_0);
	if (missing_6) {
		warn_failed(ctx, 19, missing_6);
	}
	return 1;
}

/* interval:s:1 */
SEC("perf_event")
int probe_3(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* clear(@timed) */
#line 22 "task_storage.bt"
	struct event_20 event_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 20;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

struct probe_4_frame {
	void *ctx;
};

/* for ($k : @walked) */
static long probe_4_loop_0(void *map, __u32 *key, __s8 *value, struct probe_4_frame *frame)
{
	void *ctx = frame->ctx;
	struct tuple_0 in_v_k__0;
	struct tuple_0 *v_k = &in_v_k__0;
	(*v_k).f0 = *key;
	/* print($k.0) */
#line 23 "task_storage.bt"
	struct event_22 event_1;
	__builtin_memset(&event_1, 0, sizeof(event_1));
	event_1.arg0 = (*v_k).f0;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 22;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	return 0;
}

/* end */
SEC("raw_tp")
int probe_4(void *ctx)
{
	ledger_add(5);
	struct probe_4_frame shared;
	struct probe_4_frame *frame = &shared;

	frame->ctx = ctx;
	/* clear(@start) */
#line 23 "task_storage.bt"
	struct event_21 event_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 21;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* for ($k : @walked) */
#line 23 "task_storage.bt"
	map_walked_each(probe_4_loop_0, frame);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
