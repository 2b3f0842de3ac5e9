/* trampolines.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct number {
	__s64 value;
	__u64 n;
};

struct count {
	__u64 n;
};

struct string_16 {
	char data[16];
};

struct tuple_0 {
	__s32 f0;
	__s32 f1;
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
	__u64 words[2];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 11);
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

/* @asked */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct number);
} map_asked SEC(".maps");

static __always_inline void map_asked_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_asked_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct number *slot = bpf_map_lookup_elem(&map_asked, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_asked, key, (struct number *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_asked, key);
	if (!slot)
		map_asked_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_asked_delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_asked, key);
}

/* @flags */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct count);
} map_flags SEC(".maps");

static __always_inline void map_flags_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_flags_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_flags, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_flags, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_flags, key);
	if (!slot)
		map_flags_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_flags_delete(__u64 *key)
{
	return bpf_map_delete_elem(&map_flags, key);
}

/* @got */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_16);
	__type(value, struct count);
} map_got SEC(".maps");

static __always_inline void map_got_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_got_slot(void *ctx, struct string_16 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_got, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_got, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_got, key);
	if (!slot)
		map_got_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_got_delete(struct string_16 *key)
{
	return bpf_map_delete_elem(&map_got, key);
}

/* @r */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_0);
	__type(value, struct count);
} map_r SEC(".maps");

static __always_inline void map_r_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_r_slot(void *ctx, struct tuple_0 *key, __u32 warning)
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

static __always_inline long map_r_delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_r, key);
}

/* fentry:vfs_read */
SEC("fentry")
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @asked[func] = sum(args.count); */
#line 2 "trampolines.bt"
	__s64 number_0 = (__s64)(__u64)ctx[2];
	__u64 key_0;
	key_0 = 18446744071578845440ULL;
	struct number *slot_0 = map_asked_slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->value += number_0;
		slot_0->n += 1;
	}
	/* @flags[args.file] = count(); */
#line 2 "trampolines.bt"
	__u64 key_1;
	key_1 = (__u64)ctx[0];
	struct count *slot_1 = map_flags_slot(ctx, &key_1, 1);
	if (slot_1) {
		slot_1->n += 1;
	}
	return 0;
}

/* fexit:vfs_fsync */
SEC("fexit")
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @got[probe] = count(); */
#line 3 "trampolines.bt"
	struct string_16 key_0;
	__builtin_memset(key_0.data, 0, 16);
	__builtin_memcpy(key_0.data, "fexit:vfs_fsync", 15);
	struct count *slot_0 = map_got_slot(ctx, &key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* fexit:vfs_open */
SEC("fexit")
int probe_2(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* @got[probe] = count(); */
#line 3 "trampolines.bt"
	struct string_16 key_0;
	__builtin_memset(key_0.data, 0, 16);
	__builtin_memcpy(key_0.data, "fexit:vfs_open", 14);
	struct count *slot_0 = map_got_slot(ctx, &key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* fexit:vfs_read */
SEC("fexit")
int probe_3(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @got[probe] = count(); */
#line 3 "trampolines.bt"
	struct string_16 key_0;
	__builtin_memset(key_0.data, 0, 16);
	__builtin_memcpy(key_0.data, "fexit:vfs_read", 14);
	struct count *slot_0 = map_got_slot(ctx, &key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* fexit:vfs_write */
SEC("fexit")
int probe_4(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* @got[probe] = count(); */
#line 3 "trampolines.bt"
	struct string_16 key_0;
	__builtin_memset(key_0.data, 0, 16);
	__builtin_memcpy(key_0.data, "fexit:vfs_write", 15);
	struct count *slot_0 = map_got_slot(ctx, &key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* fexit:vmlinux:vfs_fsync */
SEC("fexit")
int probe_5(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* @r[retval, args.datasync] = count(); */
#line 4 "trampolines.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = (__s32)ctx[2];
	key_0.f1 = (__s32)ctx[1];
	struct count *slot_0 = map_r_slot(ctx, &key_0, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
