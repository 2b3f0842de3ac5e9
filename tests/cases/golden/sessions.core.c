/* sessions.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static __u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;

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

struct count {
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
	__uint(max_entries, 16);
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

/* @s */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} map_s SEC(".maps");

static __always_inline void map_s_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_s_lookup(__u32 *key)
{
	return bpf_map_lookup_elem(&map_s, key);
}

static __always_inline void map_s_update(void *ctx, __u32 *key, __u64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_s, key, value, BPF_ANY);

	if (result)
		map_s_full(ctx, warning, result);
}

static __always_inline long map_s_delete(__u32 *key)
{
	return bpf_map_delete_elem(&map_s, key);
}

/* @ns */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist_65);
} map_ns SEC(".maps");

static __always_inline struct hist_65 *map_ns_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_ns, &zero);
}

/* @ */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_ SEC(".maps");

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(12) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, __u64 *key, __u32 warning)
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

static __always_inline long map__delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_, key);
}

/* @r */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_r SEC(".maps");

static __always_inline void map_r_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(13) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_r_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_r, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_r, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_r, key);
	if (!slot)
		map_r_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_r_delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_r, key);
}

/* @a */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s8);
} map_a SEC(".maps");

static __always_inline void map_a_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(14) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_a_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_a, &zero);
}

static __always_inline void map_a_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_a, &zero, value, BPF_ANY);

	if (result)
		map_a_full(ctx, warning, result);
}

static __always_inline long map_a_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_a, &zero);
}

/* @b */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s8);
} map_b SEC(".maps");

static __always_inline void map_b_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(15) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_b_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_b, &zero);
}

static __always_inline void map_b_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_b, &zero, value, BPF_ANY);

	if (result)
		map_b_full(ctx, warning, result);
}

static __always_inline long map_b_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_b, &zero);
}

extern _Bool bpf_session_is_return(void) __attribute__((section(".ksyms")));

static __always_inline int probe_0_side(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @s[tid] = nsecs; */
#line 3 "sessions.bt"
	__u64 value_0;
	value_0 = bpf_ktime_get_boot_ns();
	__u32 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_0 = (__u32)pid_tgid_0;
	map_s_update(ctx, &key_0, &value_0, 0);
	/* return 1; */
#line 3 "sessions.bt"
	return 1;
	return 0;
}

static __always_inline int probe_1_side(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* if @s[tid] */
#line 4 "sessions.bt"
	__u32 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	key_0 = (__u32)pid_tgid_0;
	__u64 *found_0 = map_s_lookup(&key_0);
	__u64 value_0 = found_0 ? *found_0 : 0;
	if (value_0) {
		/* @ns = hist(nsecs - @s[tid]); */
#line 4 "sessions.bt"
		__s64 number_0 = ((__s64)bpf_ktime_get_boot_ns() - (__s64)value_0);
		struct hist_65 *slot_0 = map_ns_slot(ctx);
		if (slot_0) {
			hist_add_0(slot_0, number_0);
		}
		/* delete(@s, tid) */
#line 4 "sessions.bt"
		int missing_0 = map_s_delete(&key_0);
		if (missing_0) {
			warn_failed(ctx, 1, missing_0);
		}
	}
	return 0;
}

/* kprobe:vfs_read and kretprobe:vfs_read */
SEC("kprobe")
int probe_0(__u64 *ctx)
{
	if (bpf_session_is_return())
		probe_1_side(ctx);
	else
		probe_0_side(ctx);
	return 0;
}

static __always_inline int probe_2_side(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* @[func] = count(); */
#line 5 "sessions.bt"
	__u64 key_0;
	key_0 = 18446744071578845696ULL;
	struct count *slot_0 = map__slot(ctx, &key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

static __always_inline int probe_3_side(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @r[retval] = count(); */
#line 6 "sessions.bt"
	__u64 key_0;
	key_0 = ctx[10];
	struct count *slot_0 = map_r_slot(ctx, &key_0, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_write and kretprobe:vfs_write */
SEC("kprobe")
int probe_2(__u64 *ctx)
{
	if (bpf_session_is_return())
		probe_3_side(ctx);
	else
		probe_2_side(ctx);
	return 0;
}

/* kprobe:vfs_open */
SEC("kprobe")
int probe_4(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* @a = 1; */
#line 8 "sessions.bt"
	__s8 value_0;
	value_0 = 1;
	map_a_update(ctx, &value_0, 4);
	return 0;
}

/* kprobe:vfs_open */
SEC("kprobe")
int probe_5(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* @a = 2; */
#line 9 "sessions.bt"
	__s8 value_0;
	value_0 = 2;
	map_a_update(ctx, &value_0, 5);
	return 0;
}

/* kretprobe:vfs_open */
SEC("kretprobe")
int probe_6(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(7);
	/* @a = 3; */
#line 10 "sessions.bt"
	__s8 value_0;
	value_0 = 3;
	map_a_update(ctx, &value_0, 6);
	return 0;
}

/* kprobe:vfs_fsync+4 */
SEC("kprobe")
int probe_7(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(8);
	/* @b = 1; */
#line 11 "sessions.bt"
	__s8 value_0;
	value_0 = 1;
	map_b_update(ctx, &value_0, 7);
	return 0;
}

/* kretprobe:vfs_fsync */
SEC("kretprobe")
int probe_8(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(9);
	/* @b = 2; */
#line 12 "sessions.bt"
	__s8 value_0;
	value_0 = 2;
	map_b_update(ctx, &value_0, 8);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
