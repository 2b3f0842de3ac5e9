/* messages.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct event_0 {
	struct event_header header;
	__s32 arg0;
};

struct event_1 {
	struct event_header header;
};

struct event_2 {
	struct event_header header;
};

struct event_3 {
	struct event_header header;
	__s32 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

BPF_TABLE("percpu_array", __u32, __u64, ledger, 2);

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

/* The run shall end, also where a full buffer refuses the event that says so. */
static __always_inline void ask_exit(__u32 code)
{
	__u32 index = 3;
	__u32 *slot = control_at(&index);

	if (slot)
		*slot = 256 | (code & 0xff);
}

struct probe_0_record {
	__u8 before_0[24];
	__u32 prev_pid;
};
/* tracepoint:sched:sched_switch */
int probe_0(struct probe_0_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(1);
	/* errorf("bad %d", args.prev_pid) */
#line 3 "messages.bt"
	struct event_0 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	event_0.arg0 = (__s32)ctx->prev_pid;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* warnf("odd") */
#line 4 "messages.bt"
	struct event_1 event_1;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 1;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	/* if args.prev_pid > 0 */
#line 5 "messages.bt"
	if ((!((__s64)(__s32)ctx->prev_pid > 0))) {
		/* assert(args.prev_pid > 0, "a pid") */
#line 5 "messages.bt"
		struct event_2 event_2;
		event_2.header.time = bpf_ktime_get_ns();
		event_2.header.id = 2;
		event_2.header.unused = 0;
		send(ctx, &event_2, sizeof(event_2));
		/* assert(args.prev_pid > 0, "a pid") */
#line 5 "messages.bt"
		struct event_3 event_3;
		__builtin_memset(&event_3, 0, sizeof(event_3));
		event_3.arg0 = ((__s32)1);
		ask_exit(event_3.arg0);
		event_3.header.time = bpf_ktime_get_ns();
		event_3.header.id = 3;
		event_3.header.unused = 0;
		send(ctx, &event_3, sizeof(event_3));
	}
	return 1;
}
