/* attach.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_uid_gid)(void) = (void *)15;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

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

struct event_1 {
	struct event_header header;
	struct string_5 arg0;
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

/* @ */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_ SEC(".maps");

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
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

/* @module */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_module SEC(".maps");

static __always_inline struct count *map_module_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_module, &zero);
}

/* @ticks */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_ticks SEC(".maps");

static __always_inline struct count *map_ticks_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_ticks, &zero);
}

/* both (kprobe:vfs_read) */
SEC("kprobe")
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if pid > 1 && uid == 0 */
#line 4 "attach.bt"
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	_Bool condition_0 = ((__u64)(__u32)(pid_tgid_0 >> 32) > 1);
	if (condition_0) {
		__u64 uid_gid_0 = bpf_get_current_uid_gid();
		condition_0 = ((uid_gid_0 & 0xffffffff) == 0);
	}
	if (condition_0) {
		/* @[func] = count(); */
#line 6 "attach.bt"
		__u64 key_0;
		key_0 = 18446744071578845440ULL;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}

/* both (kprobe:vfs_write) */
SEC("kprobe")
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* if pid > 1 && uid == 0 */
#line 4 "attach.bt"
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	_Bool condition_0 = ((__u64)(__u32)(pid_tgid_0 >> 32) > 1);
	if (condition_0) {
		__u64 uid_gid_0 = bpf_get_current_uid_gid();
		condition_0 = ((uid_gid_0 & 0xffffffff) == 0);
	}
	if (condition_0) {
		/* @[func] = count(); */
#line 6 "attach.bt"
		__u64 key_0;
		key_0 = 18446744071578845696ULL;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}

/* both (kretprobe:vfs_fsync) */
SEC("kretprobe")
int probe_2(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* if pid > 1 && uid == 0 */
#line 4 "attach.bt"
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	_Bool condition_0 = ((__u64)(__u32)(pid_tgid_0 >> 32) > 1);
	if (condition_0) {
		__u64 uid_gid_0 = bpf_get_current_uid_gid();
		condition_0 = ((uid_gid_0 & 0xffffffff) == 0);
	}
	if (condition_0) {
		/* @[func] = count(); */
#line 6 "attach.bt"
		__u64 key_0;
		key_0 = 18446744071578846208ULL;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}

/* kprobe:dm_mod:dm_io */
SEC("kprobe")
int probe_3(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @module = count(); */
#line 9 "attach.bt"
	struct count *slot_0 = map_module_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_open+4 */
SEC("kprobe")
int probe_4(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* @module = count(); */
#line 9 "attach.bt"
	struct count *slot_0 = map_module_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* mine */
SEC("kprobe")
int probe_5(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* printf("%s\n", probe) */
#line 10 "attach.bt"
	struct event_1 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 5);
	__builtin_memcpy(event_0.arg0.data, "mine", 4);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 1;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* interval:hz:5 */
SEC("perf_event")
int probe_6(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(7);
	/* @ticks = count(); */
#line 11 "attach.bt"
	struct count *slot_0 = map_ticks_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* interval:us:1500 */
SEC("perf_event")
int probe_7(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(8);
	/* @ticks = count(); */
#line 11 "attach.bt"
	struct count *slot_0 = map_ticks_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* interval:us:20000 */
SEC("perf_event")
int probe_8(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(9);
	/* @ticks = count(); */
#line 11 "attach.bt"
	struct count *slot_0 = map_ticks_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
