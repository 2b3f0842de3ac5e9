/* fields.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_1024 {
	char data[1024];
};

struct string_16 {
	char data[16];
};

struct string_17 {
	char data[17];
};

struct string_32 {
	char data[32];
};

struct tuple_0 {
	__u64 f0;
	struct string_32 f1;
};

struct string_33 {
	char data[33];
};

struct number {
	__s64 value;
	__u64 n;
};

enum req_op___k {
	req_op___k_0,
};

struct path___k {
	union {
		struct {
			char before_dentry[8];
			void *dentry;
		} __attribute__((packed));
	};
};

struct qstr___k {
	union {
		struct {
			char before_name[8];
			void *name;
		} __attribute__((packed));
	};
};

struct dentry___k {
	union {
		struct {
			char before_d_parent[8];
			void *d_parent;
		} __attribute__((packed));
		struct {
			char before_d_name[16];
			struct qstr___k d_name;
		} __attribute__((packed));
	};
};

struct file___k {
	union {
		struct {
			char before_f_inode[16];
			void *f_inode;
		} __attribute__((packed));
	};
};

struct inode___k {
	union {
		struct {
			char before_i_ino[8];
			__u64 i_ino;
		} __attribute__((packed));
		struct {
			__u16 i_mode;
		} __attribute__((packed));
	};
};

struct task_struct___k {
	union {
		struct {
			char before_real_parent[32];
			void *real_parent;
		} __attribute__((packed));
		struct {
			char before_pid[4];
			__s32 pid;
		} __attribute__((packed));
		struct {
			char before_comm[12];
			char comm[16];
		} __attribute__((packed));
	};
};

struct request___k {
	union {
		struct {
			enum req_op___k op;
		} __attribute__((packed));
		struct {
			char before___data_len[4];
			__u32 __data_len;
		} __attribute__((packed));
		struct {
			char before_fault[40];
			__u64 fault[4];
		} __attribute__((packed));
		struct {
			char before_part[16];
			void *part;
		} __attribute__((packed));
		struct {
			char before___sector[8];
			__u64 __sector;
		} __attribute__((packed));
	};
};

struct block_device___k {
	union {
		struct {
			char before_bd_disk[8];
			void *bd_disk;
		} __attribute__((packed));
	};
};

struct gendisk___k {
	union {
		struct {
			char before_disk_name[8];
			char disk_name[32];
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
	__u64 words[139];
};

struct zeros {
	__u64 words[2];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 14);

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

/* Zero many bytes in one call: a read from address 0 fails, and then the kernel zeroes them. */
static __always_inline void clear_bytes(void *to, __u32 size)
{
	bpf_probe_read_kernel(to, size, (void *)0);
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

/* @dir */
BPF_TABLE("hash", __u32, struct string_1024, map_dir, 1);

static __always_inline void map_dir_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_1024 *map_dir_lookup(void)
{
	__u32 zero = 0;

	return map_dir.lookup(&zero);
}

static __always_inline void map_dir_update(void *ctx, struct string_1024 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_dir.update(&zero, value);

	if (result)
		map_dir_full(ctx, warning, result);
}

static __always_inline long map_dir_delete(void)
{
	__u32 zero = 0;

	return map_dir.delete(&zero);
}

/* @inode */
BPF_TABLE("hash", __u32, __u64, map_inode, 1);

static __always_inline void map_inode_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_inode_lookup(void)
{
	__u32 zero = 0;

	return map_inode.lookup(&zero);
}

static __always_inline void map_inode_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_inode.update(&zero, value);

	if (result)
		map_inode_full(ctx, warning, result);
}

static __always_inline long map_inode_delete(void)
{
	__u32 zero = 0;

	return map_inode.delete(&zero);
}

/* @mode */
BPF_TABLE("hash", __u32, __u64, map_mode, 1);

static __always_inline void map_mode_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_mode_lookup(void)
{
	__u32 zero = 0;

	return map_mode.lookup(&zero);
}

static __always_inline void map_mode_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_mode.update(&zero, value);

	if (result)
		map_mode_full(ctx, warning, result);
}

static __always_inline long map_mode_delete(void)
{
	__u32 zero = 0;

	return map_mode.delete(&zero);
}

/* @parent */
BPF_TABLE("hash", __u32, __s32, map_parent, 1);

static __always_inline void map_parent_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s32 *map_parent_lookup(void)
{
	__u32 zero = 0;

	return map_parent.lookup(&zero);
}

static __always_inline void map_parent_update(void *ctx, __s32 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_parent.update(&zero, value);

	if (result)
		map_parent_full(ctx, warning, result);
}

static __always_inline long map_parent_delete(void)
{
	__u32 zero = 0;

	return map_parent.delete(&zero);
}

/* @name */
BPF_TABLE("hash", __u32, struct string_16, map_name, 1);

static __always_inline void map_name_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_16 *map_name_lookup(void)
{
	__u32 zero = 0;

	return map_name.lookup(&zero);
}

static __always_inline void map_name_update(void *ctx, struct string_16 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_name.update(&zero, value);

	if (result)
		map_name_full(ctx, warning, result);
}

static __always_inline long map_name_delete(void)
{
	__u32 zero = 0;

	return map_name.delete(&zero);
}

/* @op */
BPF_TABLE("hash", __u32, __u32, map_op, 1);

static __always_inline void map_op_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u32 *map_op_lookup(void)
{
	__u32 zero = 0;

	return map_op.lookup(&zero);
}

static __always_inline void map_op_update(void *ctx, __u32 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_op.update(&zero, value);

	if (result)
		map_op_full(ctx, warning, result);
}

static __always_inline long map_op_delete(void)
{
	__u32 zero = 0;

	return map_op.delete(&zero);
}

/* @write */
BPF_TABLE("hash", __u32, _Bool, map_write, 1);

static __always_inline void map_write_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_write_lookup(void)
{
	__u32 zero = 0;

	return map_write.lookup(&zero);
}

static __always_inline void map_write_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_write.update(&zero, value);

	if (result)
		map_write_full(ctx, warning, result);
}

static __always_inline long map_write_delete(void)
{
	__u32 zero = 0;

	return map_write.delete(&zero);
}

/* @fault */
BPF_TABLE("percpu_hash", struct tuple_0, struct number, map_fault, 4096);

static __always_inline void map_fault_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct number *map_fault_slot(void *ctx, struct tuple_0 *key, __u32 warning)
{
	__u32 index = 0;
	struct number *slot = map_fault.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_fault.insert(key, (struct number *)zero_value);
	slot = map_fault.lookup(key);
	if (!slot)
		map_fault_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_fault_delete(struct tuple_0 *key)
{
	return map_fault.delete(key);
}

/* @next */
BPF_TABLE("hash", __u32, __u64, map_next, 1);

static __always_inline void map_next_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_next_lookup(void)
{
	__u32 zero = 0;

	return map_next.lookup(&zero);
}

static __always_inline void map_next_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_next.update(&zero, value);

	if (result)
		map_next_full(ctx, warning, result);
}

static __always_inline long map_next_delete(void)
{
	__u32 zero = 0;

	return map_next.delete(&zero);
}

/* @word */
BPF_TABLE("hash", __u32, __u64, map_word, 1);

static __always_inline void map_word_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(12) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_word_lookup(void)
{
	__u32 zero = 0;

	return map_word.lookup(&zero);
}

static __always_inline void map_word_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_word.update(&zero, value);

	if (result)
		map_word_full(ctx, warning, result);
}

static __always_inline long map_word_delete(void)
{
	__u32 zero = 0;

	return map_word.delete(&zero);
}

/* @byte */
BPF_TABLE("hash", __u32, __u8, map_byte, 1);

static __always_inline void map_byte_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(13) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u8 *map_byte_lookup(void)
{
	__u32 zero = 0;

	return map_byte.lookup(&zero);
}

static __always_inline void map_byte_update(void *ctx, __u8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_byte.update(&zero, value);

	if (result)
		map_byte_full(ctx, warning, result);
}

static __always_inline long map_byte_delete(void)
{
	__u32 zero = 0;

	return map_byte.delete(&zero);
}

struct probe_0_scratch {
	__u64 busy;
	struct string_1024 value_0 __attribute__((aligned(8)));
	struct tuple_0 key_0 __attribute__((aligned(8)));
	struct string_33 text_1 __attribute__((aligned(8)));
	__u8 target_2 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(__u64 *ctx, struct probe_0_scratch *scratch)
{
	/* @dir = str(args.path.dentry->d_parent.d_name.name); */
#line 3 "fields.bt"
	__u64 dentry_0 = 0;
	bpf_probe_read_kernel(&dentry_0, sizeof(dentry_0), &((struct path___k *)(ctx[14]))->dentry);
	__u64 d_parent_0 = 0;
	bpf_probe_read_kernel(&d_parent_0, sizeof(d_parent_0), &((struct dentry___k *)(dentry_0))->d_parent);
	__u64 name_0 = 0;
	bpf_probe_read_kernel(&name_0, sizeof(name_0), &((struct dentry___k *)(d_parent_0))->d_name.name);
	clear_bytes(scratch->value_0.data, 1024);
	bpf_probe_read_kernel_str(scratch->value_0.data, 1024, (void *)(name_0));
	map_dir_update(ctx, &scratch->value_0, 0);
	/* @inode = args.file.f_inode.i_ino; */
#line 4 "fields.bt"
	__u64 value_1;
	__u64 f_inode_0 = 0;
	bpf_probe_read_kernel(&f_inode_0, sizeof(f_inode_0), &((struct file___k *)(ctx[13]))->f_inode);
	__u64 i_ino_0 = 0;
	bpf_probe_read_kernel(&i_ino_0, sizeof(i_ino_0), &((struct inode___k *)(f_inode_0))->i_ino);
	value_1 = i_ino_0;
	map_inode_update(ctx, &value_1, 1);
	/* @mode = args.file.f_inode.i_mode & 0170000; */
#line 5 "fields.bt"
	__u64 value_2;
	__u64 f_inode_1 = 0;
	bpf_probe_read_kernel(&f_inode_1, sizeof(f_inode_1), &((struct file___k *)(ctx[13]))->f_inode);
	__u16 i_mode_0 = 0;
	bpf_probe_read_kernel(&i_mode_0, sizeof(i_mode_0), &((struct inode___k *)(f_inode_1))->i_mode);
	value_2 = ((__u64)i_mode_0 & 61440);
	map_mode_update(ctx, &value_2, 2);
	/* @parent = curtask.real_parent.real_parent.pid; */
#line 6 "fields.bt"
	__s32 value_3;
	__u64 task_0 = bpf_get_current_task();
	__u64 real_parent_0 = 0;
	bpf_probe_read_kernel(&real_parent_0, sizeof(real_parent_0), &((struct task_struct___k *)((__u64)task_0))->real_parent);
	__u64 real_parent_1 = 0;
	bpf_probe_read_kernel(&real_parent_1, sizeof(real_parent_1), &((struct task_struct___k *)(real_parent_0))->real_parent);
	__s32 pid_0 = 0;
	bpf_probe_read_kernel(&pid_0, sizeof(pid_0), &((struct task_struct___k *)(real_parent_1))->pid);
	value_3 = pid_0;
	map_parent_update(ctx, &value_3, 3);
	/* @name = curtask.real_parent.comm; */
#line 7 "fields.bt"
	struct string_16 value_4;
	__u64 real_parent_2 = 0;
	bpf_probe_read_kernel(&real_parent_2, sizeof(real_parent_2), &((struct task_struct___k *)((__u64)task_0))->real_parent);
	struct string_17 text_0;
	__builtin_memset(text_0.data, 0, 17);
	bpf_probe_read_kernel_str(text_0.data, 17, &((struct task_struct___k *)(real_parent_2))->comm);
	__builtin_memcpy(value_4.data, text_0.data, 16);
	map_name_update(ctx, &value_4, 4);
	/* $rq = (struct request *)arg1; */
#line 8 "fields.bt"
	__u64 v_rq = (ctx[13]);
	/* @op = $rq.op; */
#line 9 "fields.bt"
	__u32 value_5;
	__u32 op_0 = 0;
	bpf_probe_read_kernel(&op_0, sizeof(op_0), &((struct request___k *)(v_rq))->op);
	value_5 = op_0;
	map_op_update(ctx, &value_5, 5);
	/* @write = $rq.op == REQ_OP_WRITE; */
#line 10 "fields.bt"
	_Bool value_6;
	__u32 op_1 = 0;
	bpf_probe_read_kernel(&op_1, sizeof(op_1), &((struct request___k *)(v_rq))->op);
	value_6 = ((__u64)op_1 == 1LL);
	map_write_update(ctx, &value_6, 6);
	/* @fault[$rq.fault[1], $rq.part.bd_disk.disk_name] = sum($rq.__data_len); */
#line 11 "fields.bt"
	__u32 __data_len_0 = 0;
	bpf_probe_read_kernel(&__data_len_0, sizeof(__data_len_0), &((struct request___k *)(v_rq))->__data_len);
	__s64 number_0 = (__s64)__data_len_0;
	__builtin_memset(&scratch->key_0, 0, sizeof(scratch->key_0));
	__u64 target_0 = 0;
	bpf_probe_read_kernel(&target_0, sizeof(target_0), (void *)(((__u64)&((struct request___k *)(v_rq))->fault + 1 * 8)));
	scratch->key_0.f0 = target_0;
	__u64 part_0 = 0;
	bpf_probe_read_kernel(&part_0, sizeof(part_0), &((struct request___k *)(v_rq))->part);
	__u64 bd_disk_0 = 0;
	bpf_probe_read_kernel(&bd_disk_0, sizeof(bd_disk_0), &((struct block_device___k *)(part_0))->bd_disk);
	__builtin_memset(scratch->text_1.data, 0, 33);
	bpf_probe_read_kernel_str(scratch->text_1.data, 33, &((struct gendisk___k *)(bd_disk_0))->disk_name);
	__builtin_memcpy(scratch->key_0.f1.data, scratch->text_1.data, 32);
	struct number *slot_0 = map_fault_slot(ctx, &scratch->key_0, 7);
	if (slot_0) {
		slot_0->value += number_0;
		slot_0->n += 1;
	}
	/* @next = ($rq + 1).__sector; */
#line 12 "fields.bt"
	__u64 value_7;
	__u64 __sector_0 = 0;
	bpf_probe_read_kernel(&__sector_0, sizeof(__sector_0), &((struct request___k *)((v_rq + 1 * 72)))->__sector);
	value_7 = __sector_0;
	map_next_update(ctx, &value_7, 8);
	/* @word = *(uint64 *)arg0; */
#line 13 "fields.bt"
	__u64 value_8;
	__u64 target_1 = 0;
	bpf_probe_read_kernel(&target_1, sizeof(target_1), (void *)((ctx[14])));
	value_8 = target_1;
	map_word_update(ctx, &value_8, 9);
	/* @byte = ((uint8 *)arg0)[3]; */
#line 14 "fields.bt"
	__u8 value_9;
	scratch->target_2 = 0;
	bpf_probe_read_kernel(&scratch->target_2, sizeof(scratch->target_2), (void *)(((ctx[14]) + 3)));
	value_9 = scratch->target_2;
	map_byte_update(ctx, &value_9, 10);
	return 0;
}

/* kprobe:vfs_open */
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
