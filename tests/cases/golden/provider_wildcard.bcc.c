/* provider_wildcard.bt: made by kptrace; SPDX-License-Identifier: GPL */
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

/* @ */
BPF_TABLE("percpu_array", __u32, struct count, map_, 1);

static __always_inline struct count *map__slot(void *ctx)
{
	__u32 zero = 0;

	return map_.lookup(&zero);
}

/* k*:vfs_* */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* @ = count(); */
#line 2 "provider_wildcard.bt"
	struct count *slot_0 = map__slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* k*:vfs_* */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @ = count(); */
#line 2 "provider_wildcard.bt"
	struct count *slot_0 = map__slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* rawtracepoint:sched_switch */
int probe_2(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(3);
	/* @ = count(); */
#line 3 "provider_wildcard.bt"
	struct count *slot_0 = map__slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_read */
int probe_3(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(4);
	/* @ = count(); */
#line 4 "provider_wildcard.bt"
	struct count *slot_0 = map__slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

struct probe_4_record {
	__u64 common;
};
/* tracepoint:sched:sched_switch */
int probe_4(struct probe_4_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(5);
	/* @ = count(); */
#line 4 "provider_wildcard.bt"
	struct count *slot_0 = map__slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}
