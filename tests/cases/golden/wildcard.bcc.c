/* wildcard.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct count {
	__u64 n;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

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
	if (ledger_add(3) == 1)
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

/* @failed */
BPF_TABLE("percpu_array", __u32, struct count, map_failed, 1);

static __always_inline struct count *map_failed_slot(void *ctx)
{
	__u32 zero = 0;

	return map_failed.lookup(&zero);
}

/* kprobe:vfs_* */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @[func] = count(); */
#line 2 "wildcard.bt"
	__u64 key_0;
	key_0 = bpf_get_func_ip(ctx);
	struct count *slot_0 = map__slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kretprobe:vfs_* */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* if (int64)retval < 0 */
#line 3 "wildcard.bt"
	if ((((__s64)ctx[10]) < 0)) {
		/* @failed = count(); */
#line 3 "wildcard.bt"
		struct count *slot_0 = map_failed_slot(ctx);
		if (slot_0) {
			slot_0->n += 1;
		}
	}
	return 0;
}
