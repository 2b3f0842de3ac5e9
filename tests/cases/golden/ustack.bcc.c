/* ustack.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct tuple_0 {
	__u64 f0;
	__u64 f1;
};

struct count {
	__u64 n;
};

struct tuple_1 {
	__s64 f0;
	__s64 f1;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[141];
};

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 10);

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

/* A run-time warning: an event without fields. */
static __always_inline void warn(void *ctx, __u32 id)
{
	struct event_header event = { .time = bpf_ktime_get_ns(), .id = id };

	send(ctx, &event, sizeof(event));
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

struct user_frames_3 {
	__u64 process;
	__u64 address[3];
};

BPF_TABLE("hash", __u64, struct user_frames_3, user_stacks_3, 8192);

static __always_inline struct user_frames_3 *user_stacks_3_at(__u64 *key)
{
	return user_stacks_3.lookup(key);
}

static __always_inline long user_stacks_3_put(__u64 *key, struct user_frames_3 *frames)
{
	return user_stacks_3.update(key, frames);
}

static __always_inline __u64 user_stack_3_store(__u64 key,
		struct user_frames_3 *frames)
{
	if (user_stacks_3_at(&key))
		return key;
	if (user_stacks_3_put(&key, frames)) {
		ledger_add(9);
		return 0;
	}
	return key;
}

static __always_inline __u64 user_stack_3(void *ctx, struct user_frames_3 *frames,
		__u32 warning)
{
	long size = bpf_get_stack(ctx, frames->address, sizeof(frames->address), 256 /* BPF_F_USER_STACK */);
	__u64 key = 0xcbf29ce484222325ULL;

	if (size < 0) {
		if (size == -14) /* EFAULT: a kernel thread */
			return 0;
		if (ledger_add(9) == 1)
			warn(ctx, warning);
		return 0;
	}
	frames->process = bpf_get_current_pid_tgid() >> 32;
	key ^= frames->process;
	for (__u32 i = 0; i < 3; i++) {
		if (i * 8 >= (__u64)size)
			break;
		key = (key ^ frames->address[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}
	return user_stack_3_store(key, frames);
}

struct frames_3 {
	__u64 address[3];
};

BPF_TABLE("hash", __u64, struct frames_3, stacks_3, 8192);

static __always_inline struct frames_3 *stacks_3_at(__u64 *key)
{
	return stacks_3.lookup(key);
}

static __always_inline long stacks_3_put(__u64 *key, struct frames_3 *frames)
{
	return stacks_3.update(key, frames);
}

static __always_inline __u64 stack_3_store(__u64 key,
		struct frames_3 *frames)
{
	if (stacks_3_at(&key))
		return key;
	if (stacks_3_put(&key, frames)) {
		ledger_add(9);
		return 0;
	}
	return key;
}

static __always_inline __u64 stack_3(void *ctx, struct frames_3 *frames,
		__u32 warning)
{
	long size = bpf_get_stack(ctx, frames->address, sizeof(frames->address), 0);
	__u64 key = 0xcbf29ce484222325ULL;

	if (size < 0) {
		if (ledger_add(9) == 1)
			warn(ctx, warning);
		return 0;
	}
	for (__u32 i = 0; i < 3; i++) {
		if (i * 8 >= (__u64)size)
			break;
		key = (key ^ frames->address[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}
	return stack_3_store(key, frames);
}

struct user_frames_127 {
	__u64 process;
	__u64 address[127];
};

BPF_TABLE("hash", __u64, struct user_frames_127, user_stacks_127, 8192);

static __always_inline struct user_frames_127 *user_stacks_127_at(__u64 *key)
{
	return user_stacks_127.lookup(key);
}

static __always_inline long user_stacks_127_put(__u64 *key, struct user_frames_127 *frames)
{
	return user_stacks_127.update(key, frames);
}

static __always_inline __u64 user_stack_127_store(__u64 key,
		struct user_frames_127 *frames)
{
	if (user_stacks_127_at(&key))
		return key;
	if (user_stacks_127_put(&key, frames)) {
		ledger_add(9);
		return 0;
	}
	return key;
}

static __always_inline __u64 user_stack_127(void *ctx, struct user_frames_127 *frames,
		__u32 warning)
{
	long size = bpf_get_stack(ctx, frames->address, sizeof(frames->address), 256 /* BPF_F_USER_STACK */);
	__u64 key = 0xcbf29ce484222325ULL;

	if (size < 0) {
		if (size == -14) /* EFAULT: a kernel thread */
			return 0;
		if (ledger_add(9) == 1)
			warn(ctx, warning);
		return 0;
	}
	frames->process = bpf_get_current_pid_tgid() >> 32;
	key ^= frames->process;
	for (__u32 i = 0; i < 127; i++) {
		if (i * 8 >= (__u64)size)
			break;
		key = (key ^ frames->address[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}
	return user_stack_127_store(key, frames);
}

struct build_id_frames_3 {
	__u64 process;
	__u64 address[12];
};

BPF_TABLE("hash", __u64, struct build_id_frames_3, build_id_stacks_3, 8192);

static __always_inline struct build_id_frames_3 *build_id_stacks_3_at(__u64 *key)
{
	return build_id_stacks_3.lookup(key);
}

static __always_inline long build_id_stacks_3_put(__u64 *key, struct build_id_frames_3 *frames)
{
	return build_id_stacks_3.update(key, frames);
}

static __always_inline __u64 build_id_stack_3_store(__u64 key,
		struct build_id_frames_3 *frames)
{
	if (build_id_stacks_3_at(&key))
		return key;
	if (build_id_stacks_3_put(&key, frames)) {
		ledger_add(9);
		return 0;
	}
	return key;
}

static __always_inline __u64 build_id_stack_3(void *ctx, struct build_id_frames_3 *frames,
		__u32 warning)
{
	long size = bpf_get_stack(ctx, frames->address, sizeof(frames->address), 2304 /* BPF_F_USER_STACK | BPF_F_USER_BUILD_ID */);
	__u64 key = 0xcbf29ce484222325ULL;

	if (size < 0) {
		if (size == -14) /* EFAULT: a kernel thread */
			return 0;
		if (ledger_add(9) == 1)
			warn(ctx, warning);
		return 0;
	}
	frames->process = bpf_get_current_pid_tgid() >> 32;
	key ^= frames->process;
	for (__u32 i = 0; i < 12; i++) {
		if (i * 8 >= (__u64)size)
			break;
		key = (key ^ frames->address[i]) * 0x9e3779b97f4a7c15ULL;
		key ^= key >> 32;
	}
	return build_id_stack_3_store(key, frames);
}

static __always_inline __s64 user_stack_3_length(__u64 key)
{
	struct user_frames_3 *frames = user_stacks_3_at(&key);
	__s64 length = 0;

	if (!frames)
		return 0;
	for (__u32 i = 0; i < 3; i++) {
		if (!frames->address[i])
			break;
		length++;
	}
	return length;
}

static __always_inline __s64 build_id_stack_3_length(__u64 key)
{
	struct build_id_frames_3 *frames = build_id_stacks_3_at(&key);
	__s64 length = 0;

	if (!frames)
		return 0;
	for (__u32 i = 0; i < 3; i++) {
		if (!(__u32)frames->address[i * 4])
			break;
		length++;
	}
	return length;
}

/* @ */
BPF_TABLE("percpu_hash", struct tuple_0, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
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

/* @p */
BPF_TABLE("percpu_hash", __u64, struct count, map_p, 4096);

static __always_inline void map_p_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_p_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_p.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_p.insert(key, (struct count *)zero_value);
	slot = map_p.lookup(key);
	if (!slot)
		map_p_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_p_delete(__u64 *key)
{
	return map_p.delete(key);
}

/* @id */
BPF_TABLE("percpu_hash", __u64, struct count, map_id, 4096);

static __always_inline void map_id_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_id_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_id.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_id.insert(key, (struct count *)zero_value);
	slot = map_id.lookup(key);
	if (!slot)
		map_id_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_id_delete(__u64 *key)
{
	return map_id.delete(key);
}

/* @depth */
BPF_TABLE("percpu_hash", struct tuple_1, struct count, map_depth, 4096);

static __always_inline void map_depth_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_depth_slot(void *ctx, struct tuple_1 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_depth.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_depth.insert(key, (struct count *)zero_value);
	slot = map_depth.lookup(key);
	if (!slot)
		map_depth_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_depth_delete(struct tuple_1 *key)
{
	return map_depth.delete(key);
}

struct probe_0_record {
	__u64 common;
};
struct probe_0_scratch {
	__u64 busy;
	struct user_frames_127 frames_2 __attribute__((aligned(8)));
	struct build_id_frames_3 frames_3 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(struct probe_0_record *ctx, struct probe_0_scratch *scratch)
{
	/* @[ustack(3), kstack(3)] = count(); */
#line 2 "ustack.bt"
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	struct user_frames_3 frames_0;
	__u64 stack_key_0 = user_stack_3(ctx, &frames_0, 0);
	key_0.f0 = stack_key_0;
	struct frames_3 frames_1;
	__u64 stack_key_1 = stack_3(ctx, &frames_1, 1);
	key_0.f1 = stack_key_1;
	struct count *slot_0 = map__slot(ctx, &key_0, 2);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @p[ustack(perf)] = count(); */
#line 3 "ustack.bt"
	__u64 key_1;
	__u64 stack_key_2 = user_stack_127(ctx, &scratch->frames_2, 3);
	key_1 = stack_key_2;
	struct count *slot_1 = map_p_slot(ctx, &key_1, 4);
	if (slot_1) {
		slot_1->n += 1;
	}
	/* @id[ustack(build_id, 3)] = count(); */
#line 4 "ustack.bt"
	__u64 key_2;
	__u64 stack_key_3 = build_id_stack_3(ctx, &scratch->frames_3, 5);
	key_2 = stack_key_3;
	struct count *slot_2 = map_id_slot(ctx, &key_2, 6);
	if (slot_2) {
		slot_2->n += 1;
	}
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

struct probe_1_record {
	__u64 common;
};
struct probe_1_scratch {
	__u64 busy;
	struct build_id_frames_3 frames_1 __attribute__((aligned(8)));
};

static __always_inline int probe_1_body(struct probe_1_record *ctx, struct probe_1_scratch *scratch)
{
	/* @depth[len(ustack(3)), len(ustack(build_id, 3))] = count(); */
#line 8 "ustack.bt"
	struct tuple_1 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	struct user_frames_3 frames_0;
	__u64 stack_key_0 = user_stack_3(ctx, &frames_0, 7);
	key_0.f0 = user_stack_3_length(stack_key_0);
	__u64 stack_key_1 = build_id_stack_3(ctx, &scratch->frames_1, 8);
	key_0.f1 = build_id_stack_3_length(stack_key_1);
	struct count *slot_0 = map_depth_slot(ctx, &key_0, 9);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_exit_openat */
int probe_1(struct probe_1_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(3);
	slot = scratch_enter(4);
	if (!slot)
		return 1;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
