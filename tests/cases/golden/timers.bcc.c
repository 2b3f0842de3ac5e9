/* timers.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
};

struct string_5 {
	char data[5];
};

struct event_4 {
	struct event_header header;
	struct string_5 arg0;
};

struct string_16 {
	char data[16];
};

struct event_5 {
	struct event_header header;
	struct string_16 arg0;
};

struct string_14 {
	char data[14];
};

struct event_6 {
	struct event_header header;
	struct string_14 arg0;
};

struct string_20 {
	char data[20];
};

struct event_7 {
	struct event_header header;
	struct string_20 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 13);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
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
		ledger_add(12);
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
		if (ledger_add(12) == 1)
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

/* @a */
BPF_TABLE("hash", __u32, __s8, map_a, 1);

static __always_inline void map_a_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_a_lookup(void)
{
	__u32 zero = 0;

	return map_a.lookup(&zero);
}

static __always_inline void map_a_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_a.update(&zero, value);

	if (result)
		map_a_full(ctx, warning, result);
}

static __always_inline long map_a_delete(void)
{
	__u32 zero = 0;

	return map_a.delete(&zero);
}

/* @cpus */
BPF_TABLE("percpu_hash", __u64, struct count, map_cpus, 4096);

static __always_inline void map_cpus_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_cpus_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_cpus.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_cpus.insert(key, (struct count *)zero_value);
	slot = map_cpus.lookup(key);
	if (!slot)
		map_cpus_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_cpus_delete(__u64 *key)
{
	return map_cpus.delete(key);
}

/* @stacks */
BPF_TABLE("percpu_hash", __u64, struct count, map_stacks, 4096);

static __always_inline void map_stacks_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_stacks_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_stacks.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_stacks.insert(key, (struct count *)zero_value);
	slot = map_stacks.lookup(key);
	if (!slot)
		map_stacks_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_stacks_delete(__u64 *key)
{
	return map_stacks.delete(key);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @a = 1; */
#line 2 "timers.bt"
	__s8 value_0;
	value_0 = 1;
	map_a_update(ctx, &value_0, 0);
	return 0;
}

/* profile:hz:99 */
int probe_1(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @cpus[cpu] = count(); */
#line 3 "timers.bt"
	__u64 key_0;
	__u64 cpu_0 = bpf_get_smp_processor_id();
	key_0 = (__u64)cpu_0;
	struct count *slot_0 = map_cpus_slot(ctx, &key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* profile:us:10000 */
int probe_2(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* @stacks[kstack(3)] = count(); */
#line 4 "timers.bt"
	__u64 key_0;
	struct frames_3 frames_0;
	__u64 stack_key_0 = stack_3(ctx, &frames_0, 2);
	key_0 = stack_key_0;
	struct count *slot_0 = map_stacks_slot(ctx, &key_0, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* profile:us:500 */
int probe_3(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @stacks[kstack(3)] = count(); */
#line 4 "timers.bt"
	__u64 key_0;
	struct frames_3 frames_0;
	__u64 stack_key_0 = stack_3(ctx, &frames_0, 2);
	key_0 = stack_key_0;
	struct count *slot_0 = map_stacks_slot(ctx, &key_0, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* name */
int probe_4(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* printf("%s", probe) */
#line 5 "timers.bt"
	struct event_4 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 5);
	__builtin_memcpy(event_0.arg0.data, "name", 4);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 4;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* software:faults */
int probe_5(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* printf("%s", probe) */
#line 6 "timers.bt"
	struct event_5 event_0;
	__builtin_memset(event_0.arg0.data, 0, 16);
	__builtin_memcpy(event_0.arg0.data, "software:faults", 15);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 5;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* software:cs:7 */
int probe_6(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(7);
	/* printf("%s", probe) */
#line 6 "timers.bt"
	struct event_6 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 14);
	__builtin_memcpy(event_0.arg0.data, "software:cs:7", 13);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 6;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* self:signal:SIGUSR1 */
int probe_7(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(8);
	/* printf("%s", probe) */
#line 7 "timers.bt"
	struct event_7 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 20);
	__builtin_memcpy(event_0.arg0.data, "self:signal:SIGUSR1", 19);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 7;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}
