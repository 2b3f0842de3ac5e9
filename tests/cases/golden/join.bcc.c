/* join.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct joined {
	struct event_header header;
	__u32 length;
	char data[16392];
};

struct event_2 {
	struct event_header header;
	__u32 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[2052];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 3);

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

static __always_inline __u32 join_user(char *to, __u64 argv)
{
	__u32 length = 0;

	for (__u32 i = 0; i < 16 && length <= 15 * 1024; i++) {
		__u64 pointer = 0;
		long size;

		if (bpf_probe_read_user(&pointer, sizeof(pointer), (void *)(argv + i * 8)) || !pointer)
			break;
		size = bpf_probe_read_user_str(to + length, 1024, (void *)pointer);
		if (size <= 1 || size > 1024)
			break;
		length += size;
	}
	return length;
}

static __always_inline __u32 join_kernel(char *to, __u64 argv)
{
	__u32 length = 0;

	for (__u32 i = 0; i < 16 && length <= 15 * 1024; i++) {
		__u64 pointer = 0;
		long size;

		if (bpf_probe_read_kernel(&pointer, sizeof(pointer), (void *)(argv + i * 8)) || !pointer)
			break;
		size = bpf_probe_read_kernel_str(to + length, 1024, (void *)pointer);
		if (size <= 1 || size > 1024)
			break;
		length += size;
	}
	return length;
}

struct probe_0_record {
	__u8 before_0[24];
	__u64 filename;
};
struct probe_0_scratch {
	__u64 busy;
	struct joined joined_0 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(struct probe_0_record *ctx, struct probe_0_scratch *scratch)
{
	/* join((uint64)args.filename, ",") */
#line 3 "join.bt"
	__u32 length_0 = join_kernel(scratch->joined_0.data, ((__u64)ctx->filename));
	scratch->joined_0.length = length_0;
	scratch->joined_0.header.time = bpf_ktime_get_ns();
	scratch->joined_0.header.id = 0;
	scratch->joined_0.header.unused = 0;
	send(ctx, &scratch->joined_0, (sizeof(scratch->joined_0.header) + 4 + length_0 + 7) & ~7U);
	/* join(args.filename) */
#line 4 "join.bt"
	__u32 length_1 = join_user(scratch->joined_0.data, (__u64)ctx->filename);
	scratch->joined_0.length = length_1;
	scratch->joined_0.header.time = bpf_ktime_get_ns();
	scratch->joined_0.header.id = 1;
	scratch->joined_0.header.unused = 0;
	send(ctx, &scratch->joined_0, (sizeof(scratch->joined_0.header) + 4 + length_1 + 7) & ~7U);
	/* cat("/proc/%d/stat", pid) */
#line 5 "join.bt"
	struct event_2 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	event_0.arg0 = (__u32)(pid_tgid_0 >> 32);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 2;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 1;
}

/* tracepoint:syscalls:sys_enter_openat */
int probe_0(struct probe_0_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(1);
	slot = scratch_enter(2);
	if (!slot)
		return 1;
	result = probe_0_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
