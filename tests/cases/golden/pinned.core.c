/* pinned.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static __u64 (*bpf_get_current_task)(void) = (void *)35;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static long (*bpf_seq_printf)(void *file, const char *format, __u32 size, const void *data, __u32 length) = (void *)126;
static long (*bpf_seq_write)(void *file, const void *data, __u32 size) = (void *)127;
static long (*bpf_loop)(__u32 count, void *callback, void *frame, __u64 flags) = (void *)181;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_25 {
	char data[25];
};

struct string_16 {
	char data[16];
};

struct string_17 {
	char data[17];
};

struct string_4 {
	char data[4];
};

struct string_10 {
	char data[10];
};

struct string_5 {
	char data[5];
};

struct string_3 {
	char data[3];
};

struct string_64 {
	char data[64];
};

struct string_61 {
	char data[61];
};

struct count {
	__u64 n;
};

struct hlist_node___k {
} __attribute__((preserve_access_index));

struct task_struct___k {
	char comm[16];
	__s32 pid;
	__s32 tgid;
	void *thread_pid;
	void *real_parent;
	struct hlist_node___k pid_links[4];
} __attribute__((preserve_access_index));

struct hlist_head___k {
} __attribute__((preserve_access_index));

struct upid___k {
	__s32 nr;
	void *ns;
} __attribute__((preserve_access_index));

struct pid___k {
	__u32 level;
	struct hlist_head___k tasks[4];
	struct upid___k numbers[1];
} __attribute__((preserve_access_index));

struct ns_common___k {
	__u32 inum;
} __attribute__((preserve_access_index));

struct xarray___k {
	void *xa_head;
} __attribute__((preserve_access_index));

struct idr___k {
	struct xarray___k idr_rt;
} __attribute__((preserve_access_index));

struct pid_namespace___k {
	struct ns_common___k ns;
	struct idr___k idr;
} __attribute__((preserve_access_index));

struct xa_node___k {
	__u8 shift;
	void *slots[64];
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

struct scratch_slot {
	__u64 busy;
	__u64 words[8];
};

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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct scratch_slot);
} scratch SEC(".maps");

static __always_inline struct scratch_slot *scratch_at(__u32 *index)
{
	return bpf_map_lookup_elem(&scratch, index);
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

/*
 * Big objects live in per-CPU scratch memory. An interrupt may nest inside a program, so each run
 * takes a free slot; when none is free the run is refused and counted.
 */
static __always_inline struct scratch_slot *scratch_enter(__u32 refused)
{
#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u32 index = i;
		struct scratch_slot *slot = scratch_at(&index);

		if (!slot)
			continue;
		__sync_fetch_and_add(&slot->busy, 1);
		if (*(volatile __u64 *)&slot->busy == 1)
			return slot;
		__sync_fetch_and_add(&slot->busy, -1);
	}
	ledger_add(refused);
	return (void *)0;
}

/* Where the kernel keeps processes by id: offsets in its structures, in bytes. */
struct process_index {
	__u64 thread_pid;
	__u64 real_parent;
	__u64 pid_links;
	__u64 level;
	__u64 tasks;
	__u64 numbers;
	__u64 nr;
	__u64 ns;
	__u64 inum;
	__u64 head;
	__u64 shift;
	__u64 slots;
	__u64 mask; /* of a slot's number */
};

struct process_number {
	__s32 nr;
	void *ns;
};

static __always_inline __u64 kernel_u64(__u64 address)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

static __always_inline __u32 kernel_u32(__u64 address)
{
	__u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}

/*
 * The task with an id in a pid namespace, named by its inode (0: the initial one); 0 for none. A
 * namespace is found by way of the current process; 1 where that is not in it.
 *
 * The index is a tree whose inner nodes are marked by bit 1 of their address. It may change while
 * it is read, so what is found must say itself that it has the id.
 */
static __always_inline __u64 task_of_process(__s64 wanted, __u32 inode, struct process_index at)
{
	__u64 task = bpf_get_current_task();
	__u64 pid = kernel_u64(task + at.thread_pid);
	__u64 number, ns, entry;
	__u32 level = 0, last;
	__u8 shift;

	if (wanted <= 0 || wanted > 0x7fffffff)
		return 0;
	if (!pid) /* the current process is all but gone */
		pid = kernel_u64(kernel_u64(task + at.real_parent) + at.thread_pid);
	number = pid + at.numbers;
	ns = kernel_u64(number + at.ns);
	if (inode) {
		last = kernel_u32(pid + at.level);
		for (; level < 32; level++) {
			if (level > last)
				return 1;
			ns = kernel_u64(number + level * sizeof(struct process_number) + at.ns);
			if (kernel_u32(ns + at.inum) == inode)
				break;
		}
	}
	entry = kernel_u64(ns + at.head);
	for (int i = 0; i < 8; i++) {
		if ((entry & 3) != 2)
			break;
		entry &= ~3ULL;
		shift = 0;
		bpf_probe_read_kernel(&shift, sizeof(shift), (void *)(entry + at.shift));
		entry = kernel_u64(entry + at.slots + (wanted >> (shift & 31) & at.mask) * 8);
		if (!shift)
			break;
	}
	if (!entry || entry & 3)
		return 0;
	number = entry + at.numbers + level * sizeof(struct process_number);
	if (kernel_u32(number + at.nr) != wanted || kernel_u64(number + at.ns) != ns)
		return 0;
	task = kernel_u64(entry + at.tasks);
	return task ? task - at.pid_links : 0;
}

struct seq_file___room {
	__u64 size;
	__u64 count;
} __attribute__((preserve_access_index));

/* What reading an iterator gives has no room for one more object: it will be shown again. */
static __always_inline _Bool no_room(__u64 *ctx, __u64 need)
{
	struct seq_file___room *file = *(void **)ctx[0];

	return file->count && file->size - file->count <= need;
}

/* Bytes for whoever reads a pinned iterator. */
static __always_inline long write_iter(__u64 *ctx, const void *data, __u32 size)
{
	return bpf_seq_write(*(void **)ctx[0], data, size);
}

/* Text for whoever reads a pinned iterator; a conversion that this kernel lacks is told there. */
static __always_inline long print_iter(__u64 *ctx, const char *format, __u32 size,
		const __u64 *words, __u32 length)
{
	char refused[] = "printf: refused by this kernel\n";
	long result = (int)bpf_seq_printf(*(void **)ctx[0], format, size, words, length);

	if (result && result != -75 /* EOVERFLOW: the buffer is full */)
		bpf_seq_write(*(void **)ctx[0], refused, sizeof(refused) - 1);
	return result;
}

/* The kernel refuses more rounds than this as a whole (BPF_MAX_LOOPS). */
static __always_inline void repeat(__u32 count, void *callback, void *frame)
{
	if (count > 8388608)
		count = 8388608;
	bpf_loop(count, callback, frame, 0);
}

/* @seen */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_seen SEC(".maps");

static __always_inline struct count *map_seen_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_seen, &zero);
}

struct probe_0_scratch {
	__u64 busy;
	struct string_64 value_6 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(__u64 *ctx, struct probe_0_scratch *scratch)
{
	__u64 iterated_1 = ctx[1];
	if (!iterated_1)
		return 0;
	if (no_room(ctx, 2697))
		return 1;
	ledger_add(1);
	/* printf("%-16s %5d %x %p %c%%\n", ctx.task.comm, ctx.task.pid, ctx.task.tgid, ctx.task, 65) */
#line 3 "pinned.bt"
	struct string_25 value_0;
	__builtin_memset(value_0.data, 0, 25);
	__builtin_memcpy(value_0.data, "%-16s %5lld %llx 0x%llx ", 24);
	struct string_16 value_1;
	struct string_17 text_0;
	__builtin_memset(text_0.data, 0, 17);
	bpf_probe_read_kernel_str(text_0.data, 17, &((struct task_struct___k *)(((__u64)iterated_1)))->comm);
	__builtin_memcpy(value_1.data, text_0.data, 16);
	__s32 pid_0 = 0;
	bpf_probe_read_kernel(&pid_0, sizeof(pid_0), &((struct task_struct___k *)(((__u64)iterated_1)))->pid);
	__s32 tgid_0 = 0;
	bpf_probe_read_kernel(&tgid_0, sizeof(tgid_0), &((struct task_struct___k *)(((__u64)iterated_1)))->tgid);
	__s64 result_0 = print_iter(ctx, value_0.data, 25, (__u64[]){ (__u64)value_1.data, (__u64)(__s32)pid_0, (__u64)(__u32)tgid_0, (__u64)((__u64)iterated_1) }, 32);
	(void)result_0;
	/* printf("%-16s %5d %x %p %c%%\n", ctx.task.comm, ctx.task.pid, ctx.task.tgid, ctx.task, 65) */
#line 3 "pinned.bt"
	__s64 result_1 = write_iter(ctx, (char[]){ 65 }, 1);
	(void)result_1;
	/* printf("%-16s %5d %x %p %c%%\n", ctx.task.comm, ctx.task.pid, ctx.task.tgid, ctx.task, 65) */
#line 3 "pinned.bt"
	struct string_4 value_2;
	__builtin_memset(value_2.data, 0, 4);
	__builtin_memcpy(value_2.data, "%%\012", 3);
	__s64 result_2 = print_iter(ctx, value_2.data, 4, (void *)0, 0);
	(void)result_2;
	/* printf("%s %s\n", ksym(1), pid) */
#line 4 "pinned.bt"
	struct string_10 value_3;
	__builtin_memset(value_3.data, 0, 10);
	__builtin_memcpy(value_3.data, "%ps %llu\012", 9);
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	__s64 result_3 = print_iter(ctx, value_3.data, 10, (__u64[]){ (__u64)((__u64)1), (__u64)(__u32)(pid_tgid_0 >> 32) }, 16);
	(void)result_3;
	/* printf("\x1b[1m%s é\n", comm(7)) */
#line 5 "pinned.bt"
	struct string_5 value_4;
	__builtin_memset(value_4.data, 0, 5);
	__builtin_memcpy(value_4.data, "\033[1m", 4);
	__s64 result_4 = write_iter(ctx, value_4.data, 4);
	(void)result_4;
	/* printf("\x1b[1m%s é\n", comm(7)) */
#line 5 "pinned.bt"
	struct string_3 value_5;
	__builtin_memset(value_5.data, 0, 3);
	__builtin_memcpy(value_5.data, "%s", 2);
	{
		/* comm(7) */
#line 5 "pinned.bt"
		__s64 v_process = ((__s64)7);
		/* comm(7) */
#line 5 "pinned.bt"
		__u64 v_task = (task_of_process(v_process, 0, (struct process_index){ (__u64)&((struct task_struct___k *)(0LL))->thread_pid, (__u64)&((struct task_struct___k *)(0LL))->real_parent, (__u64)&((struct task_struct___k *)(0LL))->pid_links, (__u64)&((struct pid___k *)(0LL))->level, (__u64)&((struct pid___k *)(0LL))->tasks, (__u64)&((struct pid___k *)(0LL))->numbers, (__u64)&((struct upid___k *)(0LL))->nr, (__u64)&((struct upid___k *)(0LL))->ns, (__u64)&((struct pid_namespace___k *)(0LL))->ns.inum, (__u64)&((struct pid_namespace___k *)(0LL))->idr.idr_rt.xa_head, (__u64)&((struct xa_node___k *)(0LL))->shift, (__u64)&((struct xa_node___k *)(0LL))->slots, 63 }));
		if (v_task) {
			struct string_17 text_1;
			__builtin_memset(text_1.data, 0, 17);
			bpf_probe_read_kernel_str(text_1.data, 17, &((struct task_struct___k *)(v_task))->comm);
			__builtin_memset(scratch->value_6.data, 0, 64);
			__builtin_memcpy(scratch->value_6.data, text_1.data, 16);
		} else {
			{
				__builtin_memset(scratch->value_6.data, 0, 64);
				__builtin_memcpy(scratch->value_6.data, "N/A", 3);
			}
		}
	}
	__s64 result_5 = print_iter(ctx, value_5.data, 3, (__u64[]){ (__u64)scratch->value_6.data }, 8);
	(void)result_5;
	/* printf("\x1b[1m%s é\n", comm(7)) */
#line 5 "pinned.bt"
	struct string_5 value_7;
	__builtin_memset(value_7.data, 0, 5);
	__builtin_memcpy(value_7.data, " \303\251\012", 4);
	__s64 result_6 = write_iter(ctx, value_7.data, 4);
	(void)result_6;
	/* printf("end\n") */
#line 6 "pinned.bt"
	struct string_5 value_8;
	__builtin_memset(value_8.data, 0, 5);
	__builtin_memcpy(value_8.data, "end\012", 4);
	__s64 result_7 = print_iter(ctx, value_8.data, 5, (void *)0, 0);
	(void)result_7;
	return 0;
}

/* iter:task:tasks */
SEC("iter")
int probe_0(__u64 *ctx)
{
	struct scratch_slot *slot;
	int result;

	slot = scratch_enter(2);
	if (!slot)
		return 0;
	result = probe_0_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

struct probe_1_scratch {
	__u64 busy;
	struct string_61 value_1 __attribute__((aligned(8)));
};

struct probe_1_frame {
	void *ctx;
};

/* for 0..3 */
static long probe_1_loop_0(__u32 index, struct probe_1_frame *frame)
{
	void *ctx = frame->ctx;
	__s8 v_i = index;
	/* printf("%d", $i) */
#line 10 "pinned.bt"
	struct string_5 value_0;
	__builtin_memset(value_0.data, 0, 5);
	__builtin_memcpy(value_0.data, "%lld", 4);
	__s64 result_0 = print_iter(ctx, value_0.data, 5, (__u64[]){ (__u64)(__s32)v_i }, 8);
	(void)result_0;
	return 0;
}

static __always_inline int probe_1_body(__u64 *ctx, struct probe_1_scratch *scratch)
{
	struct probe_1_frame shared;
	struct probe_1_frame *frame = &shared;

	frame->ctx = ctx;
	__u64 iterated_1 = ctx[1];
	if (!iterated_1)
		return 0;
	if (no_room(ctx, 2147483648))
		return 1;
	ledger_add(3);
	/* for 0..3 */
#line 9 "pinned.bt"
	repeat(3, probe_1_loop_0, frame);
	/* printf("%d %d %d %d %d %d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13) */
#line 12 "pinned.bt"
	__builtin_memset(scratch->value_1.data, 0, 61);
	__builtin_memcpy(scratch->value_1.data, "%lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld %lld ", 60);
	__s64 result_1 = print_iter(ctx, scratch->value_1.data, 61, (__u64[]){ (__u64)(__s32)1, (__u64)(__s32)2, (__u64)(__s32)3, (__u64)(__s32)4, (__u64)(__s32)5, (__u64)(__s32)6, (__u64)(__s32)7, (__u64)(__s32)8, (__u64)(__s32)9, (__u64)(__s32)10, (__u64)(__s32)11, (__u64)(__s32)12 }, 96);
	(void)result_1;
	/* printf("%d %d %d %d %d %d %d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13) */
#line 12 "pinned.bt"
	struct string_5 value_2;
	__builtin_memset(value_2.data, 0, 5);
	__builtin_memcpy(value_2.data, "%lld", 4);
	__s64 result_2 = print_iter(ctx, value_2.data, 5, (__u64[]){ (__u64)(__s32)13 }, 8);
	(void)result_2;
	return 0;
}

/* iter:task:many */
SEC("iter")
int probe_1(__u64 *ctx)
{
	struct scratch_slot *slot;
	int result;

	slot = scratch_enter(4);
	if (!slot)
		return 0;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

/* iter:task:/sys/fs/bpf/other */
SEC("iter")
int probe_2(__u64 *ctx)
{
	__u64 iterated_1 = ctx[1];
	if (!iterated_1)
		return 0;
	ledger_add(5);
	/* @seen = count(); */
#line 14 "pinned.bt"
	struct count *slot_0 = map_seen_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
