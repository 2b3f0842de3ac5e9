/* process.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_task)(void) = (void *)35;
static long (*bpf_get_numa_node_id)(void) = (void *)42;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static __u64 (*bpf_jiffies64)(void) = (void *)118;
static __u64 (*bpf_ktime_get_boot_ns)(void) = (void *)125;
static __u64 (*bpf_ktime_get_tai_ns)(void) = (void *)208;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_8 {
	char data[8];
};

struct event_0 {
	struct event_header header;
	struct string_8 arg0;
	__u8 arg1;
	__u64 arg2;
};

struct tuple_0 {
	__u64 f0;
	__u8 f1;
};

struct string_16 {
	char data[16];
};

struct tuple_1 {
	__s32 f0;
	struct string_16 f1;
};

struct string_17 {
	char data[17];
};

struct count {
	__u64 n;
};

struct tuple_2 {
	__u64 f0;
	__u16 f1;
};

struct task_struct___k {
	void *real_parent;
	__s32 tgid;
	char comm[16];
	void *group_leader;
	__s32 pid;
} __attribute__((preserve_access_index));

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
	__type(value, __u64);
} tai_offset SEC(".maps");

static __always_inline __u64 *tai_offset_at(__u32 *index)
{
	return bpf_map_lookup_elem(&tai_offset, index);
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

/* What CLOCK_TAI is ahead of CLOCK_BOOTTIME. */
static __always_inline __u64 tai_offset_get(void)
{
	__u32 zero = 0;
	__u64 *offset = tai_offset_at(&zero);

	return offset ? *offset : 0;
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

/* @context */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_0);
	__type(value, __u64);
} map_context SEC(".maps");

static __always_inline void map_context_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_context_lookup(struct tuple_0 *key)
{
	return bpf_map_lookup_elem(&map_context, key);
}

static __always_inline void map_context_update(void *ctx, struct tuple_0 *key, __u64 *value, __u32 warning)
{
	int result = bpf_map_update_elem(&map_context, key, value, BPF_ANY);

	if (result)
		map_context_full(ctx, warning, result);
}

static __always_inline long map_context_delete(struct tuple_0 *key)
{
	return bpf_map_delete_elem(&map_context, key);
}

/* @mono */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} map_mono SEC(".maps");

static __always_inline void map_mono_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_mono_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_mono, &zero);
}

static __always_inline void map_mono_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_mono, &zero, value, BPF_ANY);

	if (result)
		map_mono_full(ctx, warning, result);
}

static __always_inline long map_mono_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_mono, &zero);
}

/* @tai */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __s64);
} map_tai SEC(".maps");

static __always_inline void map_tai_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_tai_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_tai, &zero);
}

static __always_inline void map_tai_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_tai, &zero, value, BPF_ANY);

	if (result)
		map_tai_full(ctx, warning, result);
}

static __always_inline long map_tai_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_tai, &zero);
}

/* @jiffies */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} map_jiffies SEC(".maps");

static __always_inline void map_jiffies_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_jiffies_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_jiffies, &zero);
}

static __always_inline void map_jiffies_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_jiffies, &zero, value, BPF_ANY);

	if (result)
		map_jiffies_full(ctx, warning, result);
}

static __always_inline long map_jiffies_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_jiffies, &zero);
}

/* @parent */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_1);
	__type(value, struct count);
} map_parent SEC(".maps");

static __always_inline void map_parent_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_parent_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_parent, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_parent, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_parent, key);
	if (!slot)
		map_parent_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_parent_delete(struct tuple_1 *key)
{
	return bpf_map_delete_elem(&map_parent, key);
}

/* @leader */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_1);
	__type(value, struct count);
} map_leader SEC(".maps");

static __always_inline void map_leader_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_leader_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_leader, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_leader, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_leader, key);
	if (!slot)
		map_leader_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_leader_delete(struct tuple_1 *key)
{
	return bpf_map_delete_elem(&map_leader, key);
}

/* @where */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct tuple_2);
	__type(value, struct count);
} map_where SEC(".maps");

static __always_inline void map_where_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_where_slot(void *ctx, struct tuple_2 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_where, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_where, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_where, key);
	if (!slot)
		map_where_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_where_delete(struct tuple_2 *key)
{
	return bpf_map_delete_elem(&map_where, key);
}

/* begin */
SEC("raw_tp")
int probe_0(void *ctx)
{
	ledger_add(1);
	/* printf("%s %d %d\n", probetype, usermode, numaid) */
#line 2 "process.bt"
	struct event_0 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 8);
	__builtin_memcpy(event_0.arg0.data, "special", 7);
	event_0.arg1 = 1;
	__u64 numa_node_0 = bpf_get_numa_node_id();
	event_0.arg2 = (__u64)numa_node_0;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* kprobe:vfs_read */
SEC("kprobe")
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* if usermode == 0 */
#line 5 "process.bt"
	if (((__u64)((((__u64 *)ctx)[17] & 3) == 3) == 0)) {
		/* @context[ctx->ip, usermode()] = ctx.di; */
#line 6 "process.bt"
		__u64 value_0;
		value_0 = ((__u64)((__u64 *)ctx)[14]);
		struct tuple_0 key_0;
		__builtin_memset(&key_0, 0, sizeof(key_0));
		key_0.f0 = ((__u64)((__u64 *)ctx)[16]);
		key_0.f1 = ((((__u64 *)ctx)[17] & 3) == 3);
		map_context_update(ctx, &key_0, &value_0, 1);
		/* @mono = nsecs(monotonic); */
#line 7 "process.bt"
		__u64 value_1;
		value_1 = bpf_ktime_get_ns();
		map_mono_update(ctx, &value_1, 2);
		/* @tai = nsecs(tai) - nsecs(sw_tai); */
#line 8 "process.bt"
		__s64 value_2;
		value_2 = ((__s64)bpf_ktime_get_tai_ns() - (__s64)(bpf_ktime_get_boot_ns() + tai_offset_get()));
		map_tai_update(ctx, &value_2, 3);
		/* @jiffies = jiffies(); */
#line 9 "process.bt"
		__u64 value_3;
		value_3 = bpf_jiffies64();
		map_jiffies_update(ctx, &value_3, 4);
		/* @parent[ppid, pcomm] = count(); */
#line 10 "process.bt"
		struct tuple_1 key_1;
		__builtin_memset(&key_1, 0, sizeof(key_1));
		__u64 task_0 = bpf_get_current_task();
		__u64 real_parent_0 = 0;
		bpf_probe_read_kernel(&real_parent_0, sizeof(real_parent_0), &((struct task_struct___k *)((__u64)task_0))->real_parent);
		__s32 tgid_0 = 0;
		bpf_probe_read_kernel(&tgid_0, sizeof(tgid_0), &((struct task_struct___k *)(real_parent_0))->tgid);
		key_1.f0 = tgid_0;
		__u64 real_parent_1 = 0;
		bpf_probe_read_kernel(&real_parent_1, sizeof(real_parent_1), &((struct task_struct___k *)((__u64)task_0))->real_parent);
		struct string_17 text_0;
		__builtin_memset(text_0.data, 0, 17);
		bpf_probe_read_kernel_str(text_0.data, 17, &((struct task_struct___k *)(real_parent_1))->comm);
		__builtin_memcpy(key_1.f1.data, text_0.data, 16);
		struct count *slot_0 = map_parent_slot(ctx, &key_1, 5);
		if (slot_0) {
			slot_0->n += 1;
		}
		/* @leader[leader_tid(curtask), leader_comm] = count(); */
#line 11 "process.bt"
		struct tuple_1 key_2;
		__builtin_memset(&key_2, 0, sizeof(key_2));
		__u64 group_leader_0 = 0;
		bpf_probe_read_kernel(&group_leader_0, sizeof(group_leader_0), &((struct task_struct___k *)((__u64)task_0))->group_leader);
		__s32 pid_0 = 0;
		bpf_probe_read_kernel(&pid_0, sizeof(pid_0), &((struct task_struct___k *)(group_leader_0))->pid);
		key_2.f0 = pid_0;
		__u64 group_leader_1 = 0;
		bpf_probe_read_kernel(&group_leader_1, sizeof(group_leader_1), &((struct task_struct___k *)((__u64)task_0))->group_leader);
		struct string_17 text_1;
		__builtin_memset(text_1.data, 0, 17);
		bpf_probe_read_kernel_str(text_1.data, 17, &((struct task_struct___k *)(group_leader_1))->comm);
		__builtin_memcpy(key_2.f1.data, text_1.data, 16);
		struct count *slot_1 = map_leader_slot(ctx, &key_2, 6);
		if (slot_1) {
			slot_1->n += 1;
		}
	}
	return 0;
}

/* interval:s:1 */
SEC("perf_event")
int probe_2(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* @where[ctx->regs.ip, ctx.regs.cs] = count(); */
#line 15 "process.bt"
	struct tuple_2 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = ((__u64)((__u64 *)ctx)[16]);
	key_0.f1 = ((__u16)((__u64 *)ctx)[17]);
	struct count *slot_0 = map_where_slot(ctx, &key_0, 7);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
