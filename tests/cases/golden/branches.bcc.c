/* branches.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

BPF_TABLE("percpu_array", __u32, __u64, ledger, 6);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("array", __u32, __u64, start_time, 1);

static __always_inline __u64 *start_time_at(__u32 *index)
{
	return start_time.lookup(index);
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

static __always_inline __u64 start_time_get(void)
{
	__u32 zero = 0;
	__u64 *time = start_time_at(&zero);

	return time ? *time : 0;
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

/* @a */
BPF_TABLE("hash", __s8, __s64, map_a, 4096);

static __always_inline void map_a_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_a_lookup(__s8 *key)
{
	return map_a.lookup(key);
}

static __always_inline void map_a_update(void *ctx, __s8 *key, __s64 *value, __u32 warning)
{
	int result = map_a.update(key, value);

	if (result)
		map_a_full(ctx, warning, result);
}

static __always_inline long map_a_delete(__s8 *key)
{
	return map_a.delete(key);
}

/* @b */
BPF_TABLE("hash", __s8, __s64, map_b, 4096);

static __always_inline void map_b_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_b_lookup(__s8 *key)
{
	return map_b.lookup(key);
}

static __always_inline void map_b_update(void *ctx, __s8 *key, __s64 *value, __u32 warning)
{
	int result = map_b.update(key, value);

	if (result)
		map_b_full(ctx, warning, result);
}

static __always_inline long map_b_delete(__s8 *key)
{
	return map_b.delete(key);
}

/* @c */
BPF_TABLE("hash", __u32, __s64, map_c, 1);

static __always_inline void map_c_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_c_lookup(void)
{
	__u32 zero = 0;

	return map_c.lookup(&zero);
}

static __always_inline void map_c_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_c.update(&zero, value);

	if (result)
		map_c_full(ctx, warning, result);
}

static __always_inline long map_c_delete(void)
{
	__u32 zero = 0;

	return map_c.delete(&zero);
}

/* @done */
BPF_TABLE("hash", __u32, _Bool, map_done, 1);

static __always_inline void map_done_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
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

/* interval:s:1 */
int probe_0(void *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if @a[1] && @b[2] > 3 || !@c */
#line 3 "branches.bt"
	__s8 key_0;
	key_0 = 1;
	__s64 *found_0 = map_a_lookup(&key_0);
	__s64 value_0 = found_0 ? *found_0 : 0;
	_Bool condition_0 = value_0;
	if (condition_0) {
		__s8 key_1;
		key_1 = 2;
		__s64 *found_1 = map_b_lookup(&key_1);
		__s64 value_1 = found_1 ? *found_1 : 0;
		condition_0 = (value_1 > 3);
	}
	_Bool condition_1 = condition_0;
	if (!condition_1) {
		__s64 *found_2 = map_c_lookup();
		__s64 value_2 = found_2 ? *found_2 : 0;
		condition_1 = (!value_2);
	}
	if (condition_1) {
		/* @a[1] = @b[2] ? @b[3] : @c + 1; */
#line 4 "branches.bt"
		__s64 value_3;
		__s8 key_2;
		key_2 = 2;
		__s64 *found_3 = map_b_lookup(&key_2);
		__s64 value_4 = found_3 ? *found_3 : 0;
		__s64 chosen_0;
		if (value_4) {
			__s8 key_3;
			key_3 = 3;
			__s64 *found_4 = map_b_lookup(&key_3);
			__s64 value_5 = found_4 ? *found_4 : 0;
			chosen_0 = value_5;
		} else {
			__s64 *found_5 = map_c_lookup();
			__s64 value_6 = found_5 ? *found_5 : 0;
			chosen_0 = (value_6 + 1);
		}
		value_3 = chosen_0;
		map_a_update(ctx, &key_0, &value_3, 0);
	} else {
		/* if @c == 5 */
#line 5 "branches.bt"
		__s64 *found_6 = map_c_lookup();
		__s64 value_7 = found_6 ? *found_6 : 0;
		if ((value_7 == 5)) {
			/* @b[3] = @c ?: 7; */
#line 6 "branches.bt"
			__s64 value_8;
			value_8 = (value_7 ? value_7 : 7);
			__s8 key_4;
			key_4 = 3;
			map_b_update(ctx, &key_4, &value_8, 1);
		} else {
			/* @c = 5; */
#line 8 "branches.bt"
			__s64 value_9;
			value_9 = 5;
			map_c_update(ctx, &value_9, 2);
			/* @b[2] = 4; */
#line 9 "branches.bt"
			__s64 value_10;
			value_10 = 4;
			__s8 key_5;
			key_5 = 2;
			map_b_update(ctx, &key_5, &value_10, 3);
		}
	}
	/* { $x = 1; @c = $x + elapsed / 1000; } */
#line 11 "branches.bt"
	{
		/* $x = 1; */
#line 11 "branches.bt"
		__s8 v_x = 1;
		/* @c = $x + elapsed / 1000; */
#line 11 "branches.bt"
		__s64 value_11;
		value_11 = ((__s64)v_x + (__s64)((__u64)((__u64)(bpf_ktime_get_boot_ns() - start_time_get()) / 1000)));
		map_c_update(ctx, &value_11, 4);
	}
	/* if @c > 100 */
#line 12 "branches.bt"
	__s64 *found_7 = map_c_lookup();
	__s64 value_12 = found_7 ? *found_7 : 0;
	if ((value_12 > 100)) {
		/* return; */
#line 12 "branches.bt"
		return 0;
	}
	/* @done = true; */
#line 13 "branches.bt"
	_Bool value_13;
	value_13 = 1;
	map_done_update(ctx, &value_13, 5);
	return 0;
}
