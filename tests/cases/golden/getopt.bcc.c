/* getopt.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_2 {
	char data[2];
};

struct tuple_0 {
	__s8 f0;
	_Bool f1;
	struct string_2 f2;
	_Bool f3;
};

struct event_0 {
	struct event_header header;
	struct tuple_0 arg0;
};

struct tuple_1 {
	__s8 f0;
	__s16 f1;
	__s8 f2;
};

struct event_1 {
	struct event_header header;
	struct tuple_1 arg0;
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

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* print((getopt("min", 5), getopt("all"), getopt("name", "a longer default"), getopt("not", true))) */
#line 4 "getopt.bt"
	struct event_0 event_0;
	__builtin_memset(&event_0, 0, sizeof(event_0));
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	event_0.arg0.f0 = 16;
	event_0.arg0.f1 = 1;
	__builtin_memset(event_0.arg0.f2.data, 0, 2);
	__builtin_memcpy(event_0.arg0.f2.data, "x", 1);
	event_0.arg0.f3 = 1;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* print(($1, $2, $#)) */
#line 5 "getopt.bt"
	struct event_1 event_1;
	__builtin_memset(&event_1, 0, sizeof(event_1));
	__builtin_memset(&event_1.arg0, 0, sizeof(event_1.arg0));
	event_1.arg0.f0 = 7;
	event_1.arg0.f1 = 1000;
	event_1.arg0.f2 = 2;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 1;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	return 0;
}
