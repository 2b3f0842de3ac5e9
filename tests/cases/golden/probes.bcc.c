/* probes.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_17 {
	char data[17];
};

struct tuple_0 {
	struct string_17 f0;
	__u64 f1;
};

struct count {
	__u64 n;
};

struct string_37 {
	char data[37];
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
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 9);

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

/* @ */
BPF_TABLE("percpu_hash", struct tuple_0, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
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

/* @n */
BPF_TABLE("percpu_hash", struct string_37, struct count, map_n, 4096);

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_n_slot(void *ctx, struct string_37 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_n.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_n.insert(key, (struct count *)zero_value);
	slot = map_n.lookup(key);
	if (!slot)
		map_n_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_n_delete(struct string_37 *key)
{
	return map_n.delete(key);
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @[probe, args.count] = count(); */
#line 2 "probes.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	__builtin_memset(key_0.f0.data, 0, 17);
	__builtin_memcpy(key_0.f0.data, "kprobe:vfs_read", 15);
	key_0.f1 = ctx[12];
	struct count *slot_0 = map__slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_write */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @[probe, args.count] = count(); */
#line 2 "probes.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	__builtin_memset(key_0.f0.data, 0, 17);
	__builtin_memcpy(key_0.f0.data, "kprobe:vfs_write", 16);
	key_0.f1 = ctx[12];
	struct count *slot_0 = map__slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

struct probe_2_record {
	__u64 common;
};
struct probe_2_scratch {
	__u64 busy;
	struct string_37 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_2_body(struct probe_2_record *ctx, struct probe_2_scratch *scratch)
{
	/* @n[probe] = count(); */
#line 3 "probes.bt"
	__builtin_memset(scratch->key_0.data, 0, 37);
	__builtin_memcpy(scratch->key_0.data, "tracepoint:syscalls:sys_enter_openat", 36);
	struct count *slot_0 = map_n_slot(ctx, &scratch->key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_enter_openat */
int probe_2(struct probe_2_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(3);
	slot = scratch_enter(4);
	if (!slot)
		return 1;
	result = probe_2_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

struct probe_3_record {
	__u64 common;
};
struct probe_3_scratch {
	__u64 busy;
	struct string_37 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_3_body(struct probe_3_record *ctx, struct probe_3_scratch *scratch)
{
	/* @n[probe] = count(); */
#line 3 "probes.bt"
	__builtin_memset(scratch->key_0.data, 0, 37);
	__builtin_memcpy(scratch->key_0.data, "tracepoint:syscalls:sys_exit_openat", 35);
	struct count *slot_0 = map_n_slot(ctx, &scratch->key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_exit_openat */
int probe_3(struct probe_3_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(5);
	slot = scratch_enter(6);
	if (!slot)
		return 1;
	result = probe_3_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
