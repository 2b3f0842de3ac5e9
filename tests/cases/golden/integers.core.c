/* integers.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u32 (*bpf_get_prandom_u32)(void) = (void *)7;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct event_0 {
	struct event_header header;
	__u64 arg0;
};

struct event_2 {
	struct event_header header;
	__u64 arg0;
};

struct event_3 {
	struct event_header header;
	__s64 arg0;
};

struct event_4 {
	struct event_header header;
	__u64 arg0;
};

struct event_5 {
	struct event_header header;
	__s64 arg0;
};

struct event_6 {
	struct event_header header;
	__u64 arg0;
};

struct event_7 {
	struct event_header header;
	__s64 arg0;
};

struct tuple_0 {
	__u64 f0;
	__s64 f1;
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

/* A run-time warning: an event without fields. */
static __always_inline void warn(void *ctx, __u32 id)
{
	struct event_header event = { .time = bpf_ktime_get_ns(), .id = id };

	send(ctx, &event, sizeof(event));
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

/* @x */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, _Bool);
} map_x SEC(".maps");

static __always_inline void map_x_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_x_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_x, &zero);
}

static __always_inline void map_x_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_x, &zero, value, BPF_ANY);

	if (result)
		map_x_full(ctx, warning, result);
}

static __always_inline long map_x_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_x, &zero);
}

/* @wide */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} map_wide SEC(".maps");

static __always_inline void map_wide_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_wide_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_wide, &zero);
}

static __always_inline void map_wide_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_wide, &zero, value, BPF_ANY);

	if (result)
		map_wide_full(ctx, warning, result);
}

static __always_inline long map_wide_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_wide, &zero);
}

/* @y */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} map_y SEC(".maps");

static __always_inline void map_y_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_y_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_y, &zero);
}

static __always_inline void map_y_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_y, &zero, value, BPF_ANY);

	if (result)
		map_y_full(ctx, warning, result);
}

static __always_inline long map_y_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_y, &zero);
}

/* @n */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} map_n SEC(".maps");

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_n_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_n, &zero);
}

static __always_inline void map_n_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_n, &zero, value, BPF_ANY);

	if (result)
		map_n_full(ctx, warning, result);
}

static __always_inline long map_n_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_n, &zero);
}

/* @k */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_0);
	__type(value, __s64);
} map_k SEC(".maps");

static __always_inline void map_k_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_k_lookup(struct tuple_0 *key)
{
	return bpf_map_lookup_elem(&map_k, key);
}

static __always_inline void map_k_update(void *ctx, struct tuple_0 *key, __s64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_k, key, value, BPF_ANY);

	if (result)
		map_k_full(ctx, warning, result);
}

static __always_inline long map_k_delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_k, key);
}

/* begin */
SEC("raw_tp")
int probe_0(void *ctx)
{
	ledger_add(1);
	/* $n = (uint8)rand; */
#line 3 "integers.bt"
	__u64 v_n = (__u64)((__u8)(__u64)bpf_get_prandom_u32());
	/* $m = (int32)rand; */
#line 4 "integers.bt"
	__s64 v_m = (__s64)((__s32)(__u64)bpf_get_prandom_u32());
	/* print($n / (uint32)$m) */
#line 5 "integers.bt"
	struct event_0 event_0;
	__u64 divisor_0 = (__u64)((__u32)v_m);
	__u64 quotient_0 = 1;
	if (divisor_0) {
		quotient_0 = (__u64)v_n / divisor_0;
	} else {
		warn(ctx, 1);
	}
	event_0.arg0 = ((__u64)quotient_0);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* print($n % 7) */
#line 6 "integers.bt"
	struct event_2 event_1;
	event_1.arg0 = ((__u64)((__u64)v_n % 7));
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 2;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	/* print($m >> 3) */
#line 7 "integers.bt"
	struct event_3 event_2;
	event_2.arg0 = ((__s64)((__u64)v_m >> (3 & 63)));
	event_2.header.time = bpf_ktime_get_ns();
	event_2.header.id = 3;
	event_2.header.unused = 0;
	send(ctx, &event_2, sizeof(event_2));
	/* print(1 << $n) */
#line 8 "integers.bt"
	struct event_4 event_3;
	event_3.arg0 = ((__u64)1 << (v_n & 63));
	event_3.header.time = bpf_ktime_get_ns();
	event_3.header.id = 4;
	event_3.header.unused = 0;
	send(ctx, &event_3, sizeof(event_3));
	/* print(-$m + ~$n) */
#line 9 "integers.bt"
	struct event_5 event_4;
	event_4.arg0 = ((-v_m) + (__s64)(~v_n));
	event_4.header.time = bpf_ktime_get_ns();
	event_4.header.id = 5;
	event_4.header.unused = 0;
	send(ctx, &event_4, sizeof(event_4));
	/* print($n++ * 70000) */
#line 10 "integers.bt"
	struct event_6 event_5;
	__u64 old_0 = v_n;
	__u64 new_0 = old_0 + 1;
	v_n = new_0;
	event_5.arg0 = (old_0 * 70000);
	event_5.header.time = bpf_ktime_get_ns();
	event_5.header.id = 6;
	event_5.header.unused = 0;
	send(ctx, &event_5, sizeof(event_5));
	/* print(--$m) */
#line 11 "integers.bt"
	struct event_7 event_6;
	__s64 old_1 = v_m;
	__s64 new_1 = old_1 - 1;
	v_m = new_1;
	event_6.arg0 = new_1;
	event_6.header.time = bpf_ktime_get_ns();
	event_6.header.id = 7;
	event_6.header.unused = 0;
	send(ctx, &event_6, sizeof(event_6));
	/* @x = (int64)$n > $m; */
#line 12 "integers.bt"
	_Bool value_0;
	value_0 = (((__s64)v_n) > v_m);
	map_x_update(ctx, &value_0, 8);
	/* @x = !$n; */
#line 13 "integers.bt"
	_Bool value_1;
	value_1 = (!v_n);
	map_x_update(ctx, &value_1, 9);
	/* @wide = (int64)$n; */
#line 14 "integers.bt"
	__s64 value_2;
	value_2 = ((__s64)v_n);
	map_wide_update(ctx, &value_2, 10);
	/* @wide = -1; */
#line 15 "integers.bt"
	__s64 value_3;
	value_3 = -1;
	map_wide_update(ctx, &value_3, 11);
	/* @y += 3; */
#line 16 "integers.bt"
	__s64 value_4;
	__s64 *found_0 = map_y_lookup();
	__s64 value_5 = found_0 ? *found_0 : 0;
	value_4 = (value_5 + 3);
	map_y_update(ctx, &value_4, 12);
	/* @y <<= 2; */
#line 17 "integers.bt"
	__s64 value_6;
	__s64 *found_1 = map_y_lookup();
	__s64 value_7 = found_1 ? *found_1 : 0;
	value_6 = (value_7 << (2 & 63));
	map_y_update(ctx, &value_6, 13);
	/* @n++ */
#line 18 "integers.bt"
	__s64 *found_2 = map_n_lookup();
	__s64 old_2 = found_2 ? *found_2 : 0;
	__s64 new_2 = old_2 + 1;
	if (found_2)
		*found_2 = new_2;
	else
		map_n_update(ctx, &new_2, 14);
	(void)old_2;
	/* @n-- */
#line 19 "integers.bt"
	__s64 *found_3 = map_n_lookup();
	__s64 old_3 = found_3 ? *found_3 : 0;
	__s64 new_3 = old_3 - 1;
	if (found_3)
		*found_3 = new_3;
	else
		map_n_update(ctx, &new_3, 15);
	(void)old_3;
	/* ++@k[$n, $m] */
#line 20 "integers.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = v_n;
	key_0.f1 = v_m;
	__s64 *found_4 = map_k_lookup(&key_0);
	__s64 old_4 = found_4 ? *found_4 : 0;
	__s64 new_4 = old_4 + 1;
	if (found_4)
		*found_4 = new_4;
	else
		map_k_update(ctx, &key_0, &new_4, 16);
	(void)new_4;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
