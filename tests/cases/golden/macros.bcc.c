/* macros.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct event_1 {
	struct event_header header;
	__s64 arg0;
};

struct string_30 {
	char data[30];
};

struct count {
	__u64 n;
};

struct event_4 {
	struct event_header header;
	__s64 arg0;
};

struct event_6 {
	struct event_header header;
	__s32 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct zeros {
	__u64 words[1];
};

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

/* The run shall end, also where a full buffer refuses the event that says so. */
static __always_inline void ask_exit(__u32 code)
{
	__u32 index = 3;
	__u32 *slot = control_at(&index);

	if (slot)
		*slot = 256 | (code & 0xff);
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

/* @t */
BPF_TABLE("hash", __s32, __s64, map_t, 4096);

static __always_inline void map_t_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_t_lookup(__s32 *key)
{
	return map_t.lookup(key);
}

static __always_inline void map_t_update(void *ctx, __s32 *key, __s64 *value, __u32 warning)
{
	int result = map_t.update(key, value);

	if (result)
		map_t_full(ctx, warning, result);
}

static __always_inline long map_t_delete(__s32 *key)
{
	return map_t.delete(key);
}

/* @n */
BPF_TABLE("percpu_hash", struct string_30, struct count, map_n, 4096);

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_n_slot(void *ctx, struct string_30 *key, __u32 warning)
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

static __always_inline long map_n_delete(struct string_30 *key)
{
	return map_n.delete(key);
}

/* @done */
BPF_TABLE("hash", __u32, _Bool, map_done, 1);

static __always_inline void map_done_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_done_lookup(void)
{
	__u32 zero = 0;

	return map_done.lookup(&zero);
}

static __always_inline void map_done_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_done.update(&zero, value);

	if (result)
		map_done_full(ctx, warning, result);
}

static __always_inline long map_done_delete(void)
{
	__u32 zero = 0;

	return map_done.delete(&zero);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* let $t = 1; */
#line 7 "macros.bt"
	__s8 v_t = 1;
	/* @t[$t] = twice($t) */
#line 7 "macros.bt"
	__s64 value_0;
	value_0 = ((__s64)v_t + (__s64)v_t);
	__s32 key_0;
	key_0 = (__s32)v_t;
	map_t_update(ctx, &key_0, &value_0, 0);
	return 0;
}

struct probe_1_record {
	__u8 before_0[24];
	__u32 prev_pid;
};
/* tracepoint:sched:sched_switch */
int probe_1(struct probe_1_record *ctx)
{
	if (!active())
		return 1;
	ledger_add(2);
	/* { if (@start[key]) { let $t = @start[key]; printf("%d\n", nsecs - $t); delete(@start, key); } } */
#line 2 "macros.bt"
	{
		/* if @start[key] */
#line 2 "macros.bt"
		__s32 key_0;
		key_0 = (__s32)ctx->prev_pid;
		__s64 *found_0 = map_t_lookup(&key_0);
		__s64 value_0 = found_0 ? *found_0 : 0;
		if (value_0) {
			/* let $t = @start[key]; */
#line 2 "macros.bt"
			__s64 v_t = value_0;
			/* printf("%d\n", nsecs - $t) */
#line 2 "macros.bt"
			struct event_1 event_0;
			event_0.arg0 = ((__s64)bpf_ktime_get_boot_ns() - v_t);
			event_0.header.time = bpf_ktime_get_ns();
			event_0.header.id = 1;
			event_0.header.unused = 0;
			send(ctx, &event_0, sizeof(event_0));
			/* delete(@start, key) */
#line 2 "macros.bt"
			int missing_0 = map_t_delete(&key_0);
			if (missing_0) {
				warn_failed(ctx, 2, missing_0);
			}
		}
	}
	/* @n[probe_of] = events(); */
#line 8 "macros.bt"
	struct string_30 key_1;
	__builtin_memset(key_1.data, 0, 30);
	__builtin_memcpy(key_1.data, "tracepoint:sched:sched_switch", 29);
	struct count *slot_0 = map_n_slot(ctx, &key_1, 3);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* end */
int probe_2(void *ctx)
{
	ledger_add(3);
	/* { if (@start[key]) { let $t = @start[key]; printf("%d\n", nsecs - $t); delete(@start, key); } } */
#line 2 "macros.bt"
	{
		/* if @start[key] */
#line 2 "macros.bt"
		__s32 key_0;
		key_0 = 1;
		__s64 *found_0 = map_t_lookup(&key_0);
		__s64 value_0 = found_0 ? *found_0 : 0;
		if (value_0) {
			/* let $t = @start[key]; */
#line 2 "macros.bt"
			__s64 v_t = value_0;
			/* printf("%d\n", nsecs - $t) */
#line 2 "macros.bt"
			struct event_4 event_0;
			event_0.arg0 = ((__s64)bpf_ktime_get_boot_ns() - v_t);
			event_0.header.time = bpf_ktime_get_ns();
			event_0.header.id = 4;
			event_0.header.unused = 0;
			send(ctx, &event_0, sizeof(event_0));
			/* delete(@start, key) */
#line 2 "macros.bt"
			int missing_0 = map_t_delete(&key_0);
			if (missing_0) {
				warn_failed(ctx, 5, missing_0);
			}
		}
	}
	/* { exit(); } */
#line 5 "macros.bt"
	{
		/* exit() */
#line 5 "macros.bt"
		struct event_6 event_1;
		__builtin_memset(&event_1, 0, sizeof(event_1));
		event_1.arg0 = ((__s32)0);
		ask_exit(event_1.arg0);
		event_1.header.time = bpf_ktime_get_ns();
		event_1.header.id = 6;
		event_1.header.unused = 0;
		send(ctx, &event_1, sizeof(event_1));
	}
	/* @done = true; */
#line 9 "macros.bt"
	_Bool value_1;
	value_1 = 1;
	map_done_update(ctx, &value_1, 7);
	return 0;
}
