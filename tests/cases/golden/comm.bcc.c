/* comm.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_64 {
	char data[64];
};

struct string_17 {
	char data[17];
};

struct event_0 {
	struct event_header header;
	__s64 arg0;
};

struct count {
	__u64 n;
};

struct hlist_node___k {
	union {
	};
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
			char before_thread_pid[56];
			void *thread_pid;
		} __attribute__((packed));
		struct {
			char before_pid_links[64];
			struct hlist_node___k pid_links[4];
		} __attribute__((packed));
		struct {
			char before_comm[12];
			char comm[16];
		} __attribute__((packed));
	};
};

struct hlist_head___k {
	union {
	};
};

struct upid___k {
	union {
		struct {
			__s32 nr;
		} __attribute__((packed));
		struct {
			char before_ns[8];
			void *ns;
		} __attribute__((packed));
	};
};

struct pid___k {
	union {
		struct {
			__u32 level;
		} __attribute__((packed));
		struct {
			char before_tasks[8];
			struct hlist_head___k tasks[4];
		} __attribute__((packed));
		struct {
			char before_numbers[40];
			struct upid___k numbers[1];
		} __attribute__((packed));
	};
};

struct ns_common___k {
	union {
		struct {
			__u32 inum;
		} __attribute__((packed));
	};
};

struct xarray___k {
	union {
		struct {
			void *xa_head;
		} __attribute__((packed));
	};
};

struct idr___k {
	union {
		struct {
			struct xarray___k idr_rt;
		} __attribute__((packed));
	};
};

struct pid_namespace___k {
	union {
		struct {
			char before_ns[8];
			struct ns_common___k ns;
		} __attribute__((packed));
		struct {
			struct idr___k idr;
		} __attribute__((packed));
	};
};

struct xa_node___k {
	union {
		struct {
			__u8 shift;
		} __attribute__((packed));
		struct {
			char before_slots[16];
			void *slots[64];
		} __attribute__((packed));
	};
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[8];
};

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 4);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("percpu_array", __u32, struct scratch_slot, scratch, 4);

static __always_inline struct scratch_slot *scratch_at(__u32 *index)
{
	return scratch.lookup(index);
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
BPF_TABLE("percpu_hash", struct string_64, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct string_64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_.insert(key, (struct count *)zero_value);
	slot = map_.lookup(key);
	if (!slot)
		map__full(ctx, warning, result);
	return slot;
}

static __always_inline long map__delete(struct string_64 *key)
{
	return map_.delete(key);
}

struct probe_0_scratch {
	__u64 busy;
	struct string_64 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(__u64 *ctx, struct probe_0_scratch *scratch)
{
	/* @[comm(ppid)] = count(); */
#line 1 "comm.bt"
	{
		/* comm(ppid) */
#line 1 "comm.bt"
		__u64 task_0 = bpf_get_current_task();
		__u64 real_parent_0 = 0;
		bpf_probe_read_kernel(&real_parent_0, sizeof(real_parent_0), &((struct task_struct___k *)((__u64)task_0))->real_parent);
		__s32 tgid_0 = 0;
		bpf_probe_read_kernel(&tgid_0, sizeof(tgid_0), &((struct task_struct___k *)(real_parent_0))->tgid);
		__s64 v_process = ((__s64)tgid_0);
		/* comm(ppid) */
#line 1 "comm.bt"
		__u64 v_task = (task_of_process(v_process, 0, (struct process_index){ (__u64)&((struct task_struct___k *)(0LL))->thread_pid, (__u64)&((struct task_struct___k *)(0LL))->real_parent, (__u64)&((struct task_struct___k *)(0LL))->pid_links, (__u64)&((struct pid___k *)(0LL))->level, (__u64)&((struct pid___k *)(0LL))->tasks, (__u64)&((struct pid___k *)(0LL))->numbers, (__u64)&((struct upid___k *)(0LL))->nr, (__u64)&((struct upid___k *)(0LL))->ns, (__u64)&((struct pid_namespace___k *)(0LL))->ns.inum, (__u64)&((struct pid_namespace___k *)(0LL))->idr.idr_rt.xa_head, (__u64)&((struct xa_node___k *)(0LL))->shift, (__u64)&((struct xa_node___k *)(0LL))->slots, 63 }));
		if (v_task) {
			struct string_17 text_0;
			__builtin_memset(text_0.data, 0, 17);
			bpf_probe_read_kernel_str(text_0.data, 17, &((struct task_struct___k *)(v_task))->comm);
			__builtin_memset(scratch->key_0.data, 0, 64);
			__builtin_memcpy(scratch->key_0.data, text_0.data, 16);
		} else {
			{
				/* comm(ppid) */
#line 1 "comm.bt"
				struct event_0 event_0;
				event_0.arg0 = v_process;
				event_0.header.time = bpf_ktime_get_ns();
				event_0.header.id = 0;
				event_0.header.unused = 0;
				send(ctx, &event_0, sizeof(event_0));
				__builtin_memset(scratch->key_0.data, 0, 64);
				__builtin_memcpy(scratch->key_0.data, "N/A", 3);
			}
		}
	}
	struct count *slot_0 = map__slot(ctx, &scratch->key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 0;
	ledger_add(1);
	slot = scratch_enter(2);
	if (!slot)
		return 0;
	result = probe_0_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
