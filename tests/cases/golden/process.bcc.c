/* process.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

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
	union {
		struct {
			char before_real_parent[32];
			void *real_parent;
		} __attribute__((packed));
		struct {
			char before_tgid[8];
			__s32 tgid;
		} __attribute__((packed));
		struct {
			char before_comm[12];
			char comm[16];
		} __attribute__((packed));
		struct {
			char before_group_leader[40];
			void *group_leader;
		} __attribute__((packed));
		struct {
			char before_pid[4];
			__s32 pid;
		} __attribute__((packed));
	};
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 11);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("array", __u32, __u64, tai_offset, 1);

static __always_inline __u64 *tai_offset_at(__u32 *index)
{
	return tai_offset.lookup(index);
}

BPF_TABLE("array", __u32, struct zeros, zeros, 1);

static __always_inline struct zeros *zeros_at(__u32 *index)
{
	return zeros.lookup(index);
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
BPF_TABLE("hash", struct tuple_0, __u64, map_context, 4096);

static __always_inline void map_context_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_context_lookup(struct tuple_0 *key)
{
	return map_context.lookup(key);
}

static __always_inline void map_context_update(void *ctx, struct tuple_0 *key, __u64 *value, __u32 warning)
{
	int result = map_context.update(key, value);

	if (result)
		map_context_full(ctx, warning, result);
}

static __always_inline long map_context_delete(struct tuple_0 *key)
{
	return map_context.delete(key);
}

/* @mono */
BPF_TABLE("hash", __u32, __u64, map_mono, 1);

static __always_inline void map_mono_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_mono_lookup(void)
{
	__u32 zero = 0;

	return map_mono.lookup(&zero);
}

static __always_inline void map_mono_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_mono.update(&zero, value);

	if (result)
		map_mono_full(ctx, warning, result);
}

static __always_inline long map_mono_delete(void)
{
	__u32 zero = 0;

	return map_mono.delete(&zero);
}

/* @tai */
BPF_TABLE("hash", __u32, __s64, map_tai, 1);

static __always_inline void map_tai_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_tai_lookup(void)
{
	__u32 zero = 0;

	return map_tai.lookup(&zero);
}

static __always_inline void map_tai_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_tai.update(&zero, value);

	if (result)
		map_tai_full(ctx, warning, result);
}

static __always_inline long map_tai_delete(void)
{
	__u32 zero = 0;

	return map_tai.delete(&zero);
}

/* @jiffies */
BPF_TABLE("hash", __u32, __u64, map_jiffies, 1);

static __always_inline void map_jiffies_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_jiffies_lookup(void)
{
	__u32 zero = 0;

	return map_jiffies.lookup(&zero);
}

static __always_inline void map_jiffies_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_jiffies.update(&zero, value);

	if (result)
		map_jiffies_full(ctx, warning, result);
}

static __always_inline long map_jiffies_delete(void)
{
	__u32 zero = 0;

	return map_jiffies.delete(&zero);
}

/* @parent */
BPF_TABLE("percpu_hash", struct tuple_1, struct count, map_parent, 4096);

static __always_inline void map_parent_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_parent_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_parent.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_parent.insert(key, (struct count *)zero_value);
	slot = map_parent.lookup(key);
	if (!slot)
		map_parent_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_parent_delete(struct tuple_1 *key)
{
	return map_parent.delete(key);
}

/* @leader */
BPF_TABLE("percpu_hash", struct tuple_1, struct count, map_leader, 4096);

static __always_inline void map_leader_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_leader_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_leader.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_leader.insert(key, (struct count *)zero_value);
	slot = map_leader.lookup(key);
	if (!slot)
		map_leader_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_leader_delete(struct tuple_1 *key)
{
	return map_leader.delete(key);
}

/* @where */
BPF_TABLE("percpu_hash", struct tuple_2, struct count, map_where, 4096);

static __always_inline void map_where_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_where_slot(void *ctx, struct tuple_2 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_where.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_where.insert(key, (struct count *)zero_value);
	slot = map_where.lookup(key);
	if (!slot)
		map_where_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_where_delete(struct tuple_2 *key)
{
	return map_where.delete(key);
}

/* begin */
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
