/* rawtracepoints.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_16 {
	char data[16];
};

struct tuple_0 {
	struct string_16 f0;
	__s32 f1;
};

struct string_17 {
	char data[17];
};

struct count {
	__u64 n;
};

struct string_32 {
	char data[32];
};

struct string_33 {
	char data[33];
};

struct hist_65 {
	__u64 n;
	__s64 sum;
	__s64 min;
	__s64 max;
	__u64 buckets[65];
};

struct event_3 {
	struct event_header header;
	struct string_32 arg0;
	__s64 arg1;
};

struct task_struct___k {
	union {
		struct {
			char before_comm[12];
			char comm[16];
		} __attribute__((packed));
		struct {
			char before_pid[4];
			__s32 pid;
		} __attribute__((packed));
	};
};

struct request___k {
	union {
		struct {
			char before___data_len[4];
			__u32 __data_len;
		} __attribute__((packed));
		struct {
			char before_part[16];
			void *part;
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
	__u64 words[5];
};

struct zeros {
	__u64 words[69];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 7);

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

/*
 * Position of the highest set bit of a number below 2^63. Comparisons are sign bits: the verifier
 * follows both ways of a branch, which in a loop is all that it does.
 */
static __always_inline __u64 highest_bit(__u64 n)
{
	__u64 bit, shift;

	bit = (0xffffffff - n) >> 63 << 5;
	n >>= bit;
	shift = (0xffff - n) >> 63 << 4;
	n >>= shift;
	bit |= shift;
	shift = (0xff - n) >> 63 << 3;
	n >>= shift;
	bit |= shift;
	shift = (0xf - n) >> 63 << 2;
	n >>= shift;
	bit |= shift;
	shift = (0x3 - n) >> 63 << 1;
	n >>= shift;
	bit |= shift;
	return bit | (n >> 1);
}

static __always_inline void hist_add_0(struct hist_65 *hist, __s64 n)
{
	/* below 1 each number has a bucket of its own, and below 0 all have the first one */
	__u64 shift = highest_bit(n | 1) - 0;
	__u64 large = (0 - (__u64)n) >> 63;
	/* below 0 the shift is too large for C */
	__u64 rest = ((__u64)n >> (shift & 63)) & 0;
	__u64 bucket = ((shift + large) << 0) + 1 + rest;

	bucket &= ~(n >> 63);
	if (!hist->n || n < hist->min)
		hist->min = n;
	if (!hist->n || n > hist->max)
		hist->max = n;
	hist->n += 1;
	hist->sum += n;
	asm volatile("" : "+r"(bucket)); /* what is checked is what is used */
	if (bucket < 65)
		hist->buckets[bucket] += 1;
}

/* @ */
BPF_TABLE("percpu_hash", struct tuple_0, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct tuple_0 *key, __u32 warning)
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

static __always_inline long map__delete(struct tuple_0 *key)
{
	return map_.delete(key);
}

/* @raw */
BPF_TABLE("hash", __u32, __u64, map_raw, 1);

static __always_inline void map_raw_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_raw_lookup(void)
{
	__u32 zero = 0;

	return map_raw.lookup(&zero);
}

static __always_inline void map_raw_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_raw.update(&zero, value);

	if (result)
		map_raw_full(ctx, warning, result);
}

static __always_inline long map_raw_delete(void)
{
	__u32 zero = 0;

	return map_raw.delete(&zero);
}

/* @bytes */
BPF_F_TABLE("percpu_hash", struct string_32, struct hist_65, map_bytes, 4096, BPF_F_NO_PREALLOC);

static __always_inline void map_bytes_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct hist_65 *map_bytes_slot(void *ctx, struct string_32 *key, __u32 warning, _Bool *later)
{
	__u32 index = 0;
	struct hist_65 *slot = map_bytes.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_bytes.insert(key, (struct hist_65 *)zero_value);
	slot = map_bytes.lookup(key);
	if (!slot && result == -12)
		*later = 1;
	else if (!slot)
		map_bytes_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_bytes_delete(struct string_32 *key)
{
	return map_bytes.delete(key);
}

/* rawtracepoint:sched_switch */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if args.preempt */
#line 2 "rawtracepoints.bt"
	if ((_Bool)(__u8)ctx[0]) {
		/* @[args.prev.comm, args.next.pid] = count(); */
#line 3 "rawtracepoints.bt"
		struct tuple_0 key_0;
		__builtin_memset(&key_0, 0, sizeof(key_0));
		struct string_17 text_0;
		__builtin_memset(text_0.data, 0, 17);
		bpf_probe_read_kernel_str(text_0.data, 17, &((struct task_struct___k *)((__u64)ctx[1]))->comm);
		__builtin_memcpy(key_0.f0.data, text_0.data, 16);
		__s32 pid_0 = 0;
		bpf_probe_read_kernel(&pid_0, sizeof(pid_0), &((struct task_struct___k *)((__u64)ctx[2]))->pid);
		key_0.f1 = pid_0;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
		/* @raw = arg3; */
#line 4 "rawtracepoints.bt"
		__u64 value_0;
		value_0 = (__u64)ctx[3];
		map_raw_update(ctx, &value_0, 1);
	}
	return 0;
}

struct probe_1_scratch {
	__u64 busy;
	struct string_33 text_0 __attribute__((aligned(8)));
};

static __always_inline int probe_1_body(__u64 *ctx, struct probe_1_scratch *scratch)
{
	/* @bytes[args.rq.part.bd_disk.disk_name] = hist(args.rq.__data_len); */
#line 6 "rawtracepoints.bt"
	__u32 __data_len_0 = 0;
	bpf_probe_read_kernel(&__data_len_0, sizeof(__data_len_0), &((struct request___k *)((__u64)ctx[0]))->__data_len);
	__s64 number_0 = (__s64)__data_len_0;
	struct string_32 key_0;
	__u64 part_0 = 0;
	bpf_probe_read_kernel(&part_0, sizeof(part_0), &((struct request___k *)((__u64)ctx[0]))->part);
	__u64 bd_disk_0 = 0;
	bpf_probe_read_kernel(&bd_disk_0, sizeof(bd_disk_0), &((struct block_device___k *)(part_0))->bd_disk);
	__builtin_memset(scratch->text_0.data, 0, 33);
	bpf_probe_read_kernel_str(scratch->text_0.data, 33, &((struct gendisk___k *)(bd_disk_0))->disk_name);
	__builtin_memcpy(key_0.data, scratch->text_0.data, 32);
	_Bool later_0 = 0;
	struct hist_65 *slot_0 = map_bytes_slot(ctx, &key_0, 2, &later_0);
	if (slot_0) {
		hist_add_0(slot_0, number_0);
	}
	if (later_0) {
		struct event_3 event_0;
		__builtin_memcpy(&event_0.arg0, &key_0, 32);
		event_0.arg1 = number_0;
		event_0.header.time = bpf_ktime_get_ns();
		event_0.header.id = 3;
		event_0.header.unused = 0;
		send(ctx, &event_0, sizeof(event_0));
	}
	return 0;
}

/* rawtracepoint:block_rq_issue */
int probe_1(__u64 *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 0;
	ledger_add(2);
	slot = scratch_enter(3);
	if (!slot)
		return 0;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
