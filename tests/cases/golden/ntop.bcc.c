/* ntop.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct inet {
	__u64 family;
	__u8 address[16];
} __attribute__((packed));

struct count {
	__u64 n;
};

struct event_2 {
	struct event_header header;
	struct inet arg0;
	struct inet arg1;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 4);

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
BPF_TABLE("percpu_hash", struct inet, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct inet *key, __u32 warning)
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

static __always_inline long map__delete(struct inet *key)
{
	return map_.delete(key);
}

/* @six */
BPF_TABLE("percpu_hash", struct inet, struct count, map_six, 4096);

static __always_inline void map_six_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_six_slot(void *ctx, struct inet *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_six.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_six.insert(key, (struct count *)zero_value);
	slot = map_six.lookup(key);
	if (!slot)
		map_six_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_six_delete(struct inet *key)
{
	return map_six.delete(key);
}

struct probe_0_record {
	__u8 before_0[12];
	__u32 address;
};
/* tracepoint:odd:widths */
int probe_0(struct probe_0_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(1);
	/* @[ntop(args.address)] = count(); */
#line 3 "ntop.bt"
	struct inet key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.family = 2;
	__u32 address_0 = (__u32)ctx->address;
	__builtin_memcpy(key_0.address, &address_0, 4);
	struct count *slot_0 = map__slot(ctx, &key_0, 0);
	if (slot_0) {
		slot_0->n += 1;
	}
	/* @six[ntop(args.address6)] = count(); */
#line 4 "ntop.bt"
	struct inet key_1;
	__builtin_memset(&key_1, 0, sizeof(key_1));
	key_1.family = 10;
	bpf_probe_read_kernel(key_1.address, 16, (void *)ctx + 16);
	struct count *slot_1 = map_six_slot(ctx, &key_1, 1);
	if (slot_1) {
		slot_1->n += 1;
	}
	/* printf("%s %s\n", ntop(2, args.address), ntop(0x0100007f)) */
#line 5 "ntop.bt"
	struct event_2 event_0;
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	event_0.arg0.family = 2;
	__u32 address_1 = (__u32)ctx->address;
	__builtin_memcpy(event_0.arg0.address, &address_1, 4);
	__builtin_memset(&event_0.arg1, 0, sizeof(event_0.arg1));
	event_0.arg1.family = 2;
	__u32 address_2 = 16777343;
	__builtin_memcpy(event_0.arg1.address, &address_2, 4);
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 2;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	return 1;
}
