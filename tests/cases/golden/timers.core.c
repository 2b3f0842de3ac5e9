/* timers.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u32 (*bpf_get_smp_processor_id)(void) = (void *)8;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static long (*bpf_get_stack)(void *ctx, void *to, __u32 size, __u64 flags) = (void *)67;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
};

struct string_5 {
	char data[5];
};

struct event_4 {
	struct event_header header;
	struct string_5 arg0;
};

struct string_16 {
	char data[16];
};

struct event_5 {
	struct event_header header;
	struct string_16 arg0;
};

struct string_14 {
	char data[14];
};

struct event_6 {
	struct event_header header;
	struct string_14 arg0;
};

struct string_20 {
	char data[20];
};

struct event_7 {
	struct event_header header;
	struct string_20 arg0;
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
	__uint(max_entries, 13);
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

struct frames_3 {
	__u64 address[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct frames_3);
} stacks_3 SEC(".maps");

static __always_inline struct frames_3 *stacks_3_at(__u64 *key)
{
	return bpf_map_lookup_elem(&stacks_3, key);
}

static __always_inline long stacks_3_put(__u64 *key, struct frames_3 *frames)
{
	return bpf_map_update_elem(&stacks_3, key, frames, BPF_ANY);
}

static __always_inline __u64 stack_3_store(__u64 key,
		struct frames_3 *frames)
{
	if (stacks_3_at(&key))
		return key;
	if (stacks_3_put(&key, frames)) {
		ledger_add(12);
		return 0;
	}
	return key;
}

static __always_inline __u64 stack_3(void *ctx, struct frames_3 *frames,
		__u32 warning)
{
	long size = bpf_get_stack(ctx, frames->address, sizeof(frames->address), 0);
	__u64 key = 0xcbf29ce484222325ULL;

	if (size < 0) {
		if (ledger_add(12) == 1)
			warn(ctx, warning);
		return 0;
	}
	for (__u32 i = 0; i < 3; i++) {
		if (i * 8 >= (__u64)size)
			break;
		key = (key ^ frames->address[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}
	return stack_3_store(key, frames);
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
	if (ledger_add(9) == 1)
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

/* @cpus */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_cpus SEC(".maps");

static __always_inline void map_cpus_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_cpus_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_cpus, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_cpus, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_cpus, key);
	if (!slot)
		map_cpus_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_cpus_delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_cpus, key);
}

/* @stacks */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_stacks SEC(".maps");

static __always_inline void map_stacks_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_stacks_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_stacks, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_stacks, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_stacks, key);
	if (!slot)
		map_stacks_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_stacks_delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_stacks, key);
}

/* begin */
SEC("raw_tp")
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @a = 1; */
#line 2 "timers.bt"
	__s8 value_0;
	value_0 = 1;
	map_a_update(ctx, &value_0, 0);
	return 0;
}

/* profile:hz:99 */
SEC("perf_event")
int probe_1(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @cpus[cpu] = count(); */
#line 3 "timers.bt"
	__u64 key_0;
	__u64 cpu_0 = bpf_get_smp_processor_id();
	key_0 = (__u64)cpu_0;
	struct count *slot_0 = map_cpus_slot(ctx, &key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* profile:us:10000 */
SEC("perf_event")
int probe_2(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* @stacks[kstack(3)] = count(); */
#line 4 "timers.bt"
	__u64 key_0;
	struct frames_3 frames_0;
	__u64 stack_key_0 = stack_3(ctx, &frames_0, 2);
	key_0 = stack_key_0;
	struct count *slot_0 = map_stacks_slot(ctx, &key_0, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* profile:us:500 */
SEC("perf_event")
int probe_3(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @stacks[kstack(3)] = count(); */
#line 4 "timers.bt"
	__u64 key_0;
	struct frames_3 frames_0;
	__u64 stack_key_0 = stack_3(ctx, &frames_0, 2);
	key_0 = stack_key_0;
	struct count *slot_0 = map_stacks_slot(ctx, &key_0, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* name */
SEC("perf_event")
int probe_4(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* printf("%s", probe) */
#line 5 "timers.bt"
	struct event_4 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 5);
	__builtin_memcpy(event_0.arg0.data, "name", 4);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 4;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* software:faults */
SEC("perf_event")
int probe_5(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* printf("%s", probe) */
#line 6 "timers.bt"
	struct event_5 event_0;
	__builtin_memset(event_0.arg0.data, 0, 16);
	__builtin_memcpy(event_0.arg0.data, "software:faults", 15);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 5;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* software:cs:7 */
SEC("perf_event")
int probe_6(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(7);
	/* printf("%s", probe) */
#line 6 "timers.bt"
	struct event_6 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 14);
	__builtin_memcpy(event_0.arg0.data, "software:cs:7", 13);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 6;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* self:signal:SIGUSR1 */
SEC("raw_tp")
int probe_7(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(8);
	/* printf("%s", probe) */
#line 7 "timers.bt"
	struct event_7 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 20);
	__builtin_memcpy(event_0.arg0.data, "self:signal:SIGUSR1", 19);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 7;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
