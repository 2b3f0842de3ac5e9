/* scratch.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_512 {
	char data[512];
};

struct string_513 {
	char data[513];
};

struct count {
	__u64 n;
};

struct string_16 {
	char data[16];
};

struct event_2 {
	struct event_header header;
	struct string_16 arg0;
	struct string_512 arg1;
	__s64 arg2;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[326];
};

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 5);

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

/* @ */
BPF_TABLE("percpu_hash", struct string_512, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct string_512 *key, __u32 warning)
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

static __always_inline long map__delete(struct string_512 *key)
{
	return map_.delete(key);
}

/* @last */
BPF_TABLE("hash", __u32, struct string_512, map_last, 1);

static __always_inline void map_last_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_512 *map_last_lookup(void)
{
	__u32 zero = 0;

	return map_last.lookup(&zero);
}

static __always_inline void map_last_update(void *ctx, struct string_512 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_last.update(&zero, value);

	if (result)
		map_last_full(ctx, warning, result);
}

static __always_inline long map_last_delete(void)
{
	__u32 zero = 0;

	return map_last.delete(&zero);
}

struct probe_0_record {
	__u8 before_0[24];
	__u64 filename;
	__u64 flags;
};
struct probe_0_scratch {
	__u64 busy;
	struct string_512 in_v_path__0 __attribute__((aligned(8)));
	struct string_513 text_0 __attribute__((aligned(8)));
	struct string_512 key_0 __attribute__((aligned(8)));
	struct string_512 value_0 __attribute__((aligned(8)));
	struct event_2 event_0 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(struct probe_0_record *ctx, struct probe_0_scratch *scratch)
{
	/* $path = str(args.filename); */
#line 4 "scratch.bt"
	clear_bytes(scratch->text_0.data, 513);
	bpf_probe_read_user_str(scratch->text_0.data, 513, (void *)((__u64)ctx->filename));
	bpf_probe_read_kernel(scratch->in_v_path__0.data, 512, scratch->text_0.data);
	/* @[$path] = count(); */
#line 5 "scratch.bt"
	bpf_probe_read_kernel(scratch->key_0.data, 512, scratch->in_v_path__0.data);
	struct count *slot_0 = map__slot(ctx, &scratch->key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @last = $path; */
#line 6 "scratch.bt"
	bpf_probe_read_kernel(scratch->value_0.data, 512, scratch->in_v_path__0.data);
	map_last_update(ctx, &scratch->value_0, 1);
	/* printf("%s %s %d\n", comm, $path, args.flags) */
#line 7 "scratch.bt"
	__builtin_memset(scratch->event_0.arg0.data, 0, 16);
	bpf_get_current_comm(scratch->event_0.arg0.data, 16);
	bpf_probe_read_kernel(scratch->event_0.arg1.data, 512, scratch->in_v_path__0.data);
	scratch->event_0.arg2 = (__s64)ctx->flags;
	scratch->event_0.header.time = bpf_ktime_get_ns();
	scratch->event_0.header.id = 2;
	scratch->event_0.header.unused = 0;
	send(ctx, &scratch->event_0, sizeof(scratch->event_0));
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
