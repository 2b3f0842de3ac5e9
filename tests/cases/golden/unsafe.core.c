/* unsafe.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static long (*bpf_probe_write_user)(void *to, const void *from, __u32 size) = (void *)36;
static long (*bpf_override_return)(void *ctx, __u64 result) = (void *)58;
static long (*bpf_send_signal)(__u32 signal) = (void *)109;
static long (*bpf_send_signal_thread)(__u32 signal) = (void *)117;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_16 {
	char data[16];
};

struct string_2 {
	char data[2];
};

struct string_8 {
	char data[8];
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
	__uint(max_entries, 3);
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

/* Strings are equal if their bytes are, up to the NUL or to the shorter size. */
static __always_inline _Bool string_equal(const char *left, const char *right, __u32 size)
{
	for (__u32 i = 0; i < size; i++) {
		if (left[i] != right[i])
			return 0;
		if (!left[i])
			return 1;
	}
	return 1;
}

static __always_inline _Bool write_user_from_kernel(__u64 to, void *room, __u32 size, __u64 from,
		__u64 length)
{
	__u64 last = length - 1;

	/* the helper wants proof that the length is not 0: counted to the last byte it never is */
	asm volatile("" : "+r"(last));
	if (last >= size)
		return !length;
	if (bpf_probe_read_kernel(room, last + 1, (void *)from))
		return 0;
	return !bpf_probe_write_user((void *)to, room, last + 1);
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

/* @ok */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, _Bool);
} map_ok SEC(".maps");

static __always_inline void map_ok_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_ok_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_ok, &zero);
}

static __always_inline void map_ok_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_ok, &zero, value, BPF_ANY);

	if (result)
		map_ok_full(ctx, warning, result);
}

static __always_inline long map_ok_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_ok, &zero);
}

/* kprobe:vfs_read */
SEC("kprobe")
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if comm == "x" */
#line 2 "unsafe.bt"
	struct string_16 value_0;
	__builtin_memset(value_0.data, 0, 16);
	bpf_get_current_comm(value_0.data, 16);
	struct string_2 value_1;
	__builtin_memset(value_1.data, 0, 2);
	__builtin_memcpy(value_1.data, "x", 1);
	if ((string_equal(value_0.data, value_1.data, 2))) {
		/* signal("SIGUSR1") */
#line 3 "unsafe.bt"
		int result_0 = bpf_send_signal(10);
		if (result_0) {
			warn_failed(ctx, 0, result_0);
		}
		/* signal_thread(arg2) */
#line 4 "unsafe.bt"
		__s64 signal_1 = (__s64)ctx[12];
		if (signal_1 < 1 || signal_1 > 64) {
			warn_failed(ctx, 1, signal_1);
		} else {
			int result_1 = bpf_send_signal_thread(signal_1);
			if (result_1) {
				warn_failed(ctx, 2, result_1);
			}
		}
		/* override(-5) */
#line 5 "unsafe.bt"
		__s64 result_2 = bpf_override_return(ctx, ((__u64)-5));
		(void)result_2;
		/* @ok = write_user(arg1, args.file, 8); */
#line 6 "unsafe.bt"
		_Bool value_2;
		struct string_8 aside_0;
		_Bool result_3 = write_user_from_kernel((ctx[13]), aside_0.data, 8, ctx[14], ((__u64)8));
		value_2 = result_3;
		map_ok_update(ctx, &value_2, 3);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
