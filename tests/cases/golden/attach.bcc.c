/* attach.bt: made by kptrace; SPDX-License-Identifier: GPL */
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

struct event_1 {
	struct event_header header;
	struct string_5 arg0;
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
BPF_TABLE("percpu_hash", __u64, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, __u64 *key, __u32 warning)
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

static __always_inline long map__delete(__u64 *key)
{
	return map_.delete(key);
}

/* @module */
BPF_TABLE("percpu_array", __u32, struct count, map_module, 1);

static __always_inline struct count *map_module_slot(void *ctx)
{
	__u32 zero = 0;

	return map_module.lookup(&zero);
}

/* @ticks */
BPF_TABLE("percpu_array", __u32, struct count, map_ticks, 1);

static __always_inline struct count *map_ticks_slot(void *ctx)
{
	__u32 zero = 0;

	return map_ticks.lookup(&zero);
}

/* both (kprobe:vfs_read) */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if pid > 1 && uid == 0 */
#line 4 "attach.bt"
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	_Bool condition_0 = ((__u64)(__u32)(pid_tgid_0 >> 32) > 1);
	if (condition_0) {
		__u64 uid_gid_0 = bpf_get_current_uid_gid();
		condition_0 = ((uid_gid_0 & 0xffffffff) == 0);
	}
	if (condition_0) {
		/* @[func] = count(); */
#line 6 "attach.bt"
		__u64 key_0;
		key_0 = 18446744071578845440ULL;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}

/* both (kprobe:vfs_write) */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* if pid > 1 && uid == 0 */
#line 4 "attach.bt"
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	_Bool condition_0 = ((__u64)(__u32)(pid_tgid_0 >> 32) > 1);
	if (condition_0) {
		__u64 uid_gid_0 = bpf_get_current_uid_gid();
		condition_0 = ((uid_gid_0 & 0xffffffff) == 0);
	}
	if (condition_0) {
		/* @[func] = count(); */
#line 6 "attach.bt"
		__u64 key_0;
		key_0 = 18446744071578845696ULL;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}

/* both (kretprobe:vfs_fsync) */
int probe_2(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* if pid > 1 && uid == 0 */
#line 4 "attach.bt"
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	_Bool condition_0 = ((__u64)(__u32)(pid_tgid_0 >> 32) > 1);
	if (condition_0) {
		__u64 uid_gid_0 = bpf_get_current_uid_gid();
		condition_0 = ((uid_gid_0 & 0xffffffff) == 0);
	}
	if (condition_0) {
		/* @[func] = count(); */
#line 6 "attach.bt"
		__u64 key_0;
		key_0 = 18446744071578846208ULL;
		struct count *slot_0 = map__slot(ctx, &key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}

/* kprobe:dm_mod:dm_io */
int probe_3(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @module = count(); */
#line 9 "attach.bt"
	struct count *slot_0 = map_module_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_open+4 */
int probe_4(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* @module = count(); */
#line 9 "attach.bt"
	struct count *slot_0 = map_module_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* mine */
int probe_5(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* printf("%s\n", probe) */
#line 10 "attach.bt"
	struct event_1 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(event_0.arg0.data, 0, 5);
	__builtin_memcpy(event_0.arg0.data, "mine", 4);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 1;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 0;
}

/* interval:hz:5 */
int probe_6(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(7);
	/* @ticks = count(); */
#line 11 "attach.bt"
	struct count *slot_0 = map_ticks_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* interval:us:1500 */
int probe_7(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(8);
	/* @ticks = count(); */
#line 11 "attach.bt"
	struct count *slot_0 = map_ticks_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* interval:us:20000 */
int probe_8(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(9);
	/* @ticks = count(); */
#line 11 "attach.bt"
	struct count *slot_0 = map_ticks_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}
