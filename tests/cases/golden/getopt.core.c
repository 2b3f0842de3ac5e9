/* getopt.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_2 {
	char data[2];
};

struct tuple_0 {
	__s8 f0;
	_Bool f1;
	struct string_2 f2;
	_Bool f3;
};

struct event_0 {
	struct event_header header;
	struct tuple_0 arg0;
};

struct tuple_1 {
	__s8 f0;
	__s16 f1;
	__s8 f2;
};

struct event_1 {
	struct event_header header;
	struct tuple_1 arg0;
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
	__uint(max_entries, 2);
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

/* begin */
SEC("raw_tp")
int probe_0(void *ctx)
{
	ledger_add(1);
	/* print((getopt("min", 5), getopt("all"), getopt("name", "a longer default"), getopt("not", true))) */
#line 4 "getopt.bt"
	struct event_0 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	event_0.arg0.f0 = 16;
	event_0.arg0.f1 = 1;
	__builtin_memset(event_0.arg0.f2.data, 0, 2);
	__builtin_memcpy(event_0.arg0.f2.data, "x", 1);
	event_0.arg0.f3 = 1;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* print(($1, $2, $#)) */
#line 5 "getopt.bt"
	struct event_1 event_1;
	__builtin_memset(&event_1, 0, sizeof(event_1));
	__builtin_memset(&event_1.arg0, 0, sizeof(event_1.arg0));
	event_1.arg0.f0 = 7;
	event_1.arg0.f1 = 1000;
	event_1.arg0.f2 = 2;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 1;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
