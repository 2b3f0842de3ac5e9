/* pid_filter.bt: made by kptrace; SPDX-License-Identifier: GPL */
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

BPF_TABLE("percpu_array", __u32, __u64, ledger, 15);

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

/* -p: whether the current process is the one that the run is about. */
static __always_inline _Bool wanted_process(void)
{
	__u32 index = 1;
	__u32 *pid = control_at(&index);

	return pid && *pid == (__u32)(bpf_get_current_pid_tgid() >> 32);
}

/* @k */
BPF_TABLE("percpu_array", __u32, struct count, map_k, 1);

static __always_inline struct count *map_k_slot(void *ctx)
{
	__u32 zero = 0;

	return map_k.lookup(&zero);
}

/* @r */
BPF_TABLE("percpu_array", __u32, struct count, map_r, 1);

static __always_inline struct count *map_r_slot(void *ctx)
{
	__u32 zero = 0;

	return map_r.lookup(&zero);
}

/* @t */
BPF_TABLE("percpu_array", __u32, struct count, map_t, 1);

static __always_inline struct count *map_t_slot(void *ctx)
{
	__u32 zero = 0;

	return map_t.lookup(&zero);
}

/* @rt */
BPF_TABLE("percpu_array", __u32, struct count, map_rt, 1);

static __always_inline struct count *map_rt_slot(void *ctx)
{
	__u32 zero = 0;

	return map_rt.lookup(&zero);
}

/* @i */
BPF_TABLE("percpu_array", __u32, struct count, map_i, 1);

static __always_inline struct count *map_i_slot(void *ctx)
{
	__u32 zero = 0;

	return map_i.lookup(&zero);
}

/* @p */
BPF_TABLE("percpu_array", __u32, struct count, map_p, 1);

static __always_inline struct count *map_p_slot(void *ctx)
{
	__u32 zero = 0;

	return map_p.lookup(&zero);
}

/* @b */
BPF_TABLE("percpu_array", __u32, struct count, map_b, 1);

static __always_inline struct count *map_b_slot(void *ctx)
{
	__u32 zero = 0;

	return map_b.lookup(&zero);
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	if (!wanted_process())
		return 0;
	ledger_add(1);
	/* @k = count(); */
#line 3 "pid_filter.bt"
	struct count *slot_0 = map_k_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kretprobe:vfs_read */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	if (!wanted_process())
		return 0;
	ledger_add(2);
	/* @r = count(); */
#line 4 "pid_filter.bt"
	struct count *slot_0 = map_r_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

struct probe_2_record {
	__u64 common;
};
/* tracepoint:sched:sched_switch */
int probe_2(struct probe_2_record *ctx)
{
	if (!active())
		return 1;
	if (!wanted_process())
		return 1;
	ledger_add(3);
	/* @t = count(); */
#line 5 "pid_filter.bt"
	struct count *slot_0 = map_t_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* rawtracepoint:sched_switch */
int probe_3(__u64 *ctx)
{
	if (!active())
		return 0;
	if (!wanted_process())
		return 0;
	ledger_add(4);
	/* @rt = count(); */
#line 6 "pid_filter.bt"
	struct count *slot_0 = map_rt_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* interval:s:1 */
int probe_4(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(5);
	/* @i = count(); */
#line 7 "pid_filter.bt"
	struct count *slot_0 = map_i_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* profile:hz:99 */
int probe_5(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(6);
	/* @p = count(); */
#line 8 "pid_filter.bt"
	struct count *slot_0 = map_p_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* begin */
int probe_6(void *ctx)
{
	ledger_add(7);
	/* @b = count(); */
#line 9 "pid_filter.bt"
	struct count *slot_0 = map_b_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}
