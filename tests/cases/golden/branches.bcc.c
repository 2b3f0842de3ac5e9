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

BPF_TABLE("array", __u32, __u32, control, 1);

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

/* A run-time warning: an event without fields. */
static __always_inline void warn(void *ctx, __u32 id)
{
	struct event_header event = { .time = bpf_ktime_get_ns(), .id = id };

	send(ctx, &event, sizeof(event));
}

/* @a */
BPF_TABLE("hash", __s8, __s64, map_a, 4096);

static __always_inline void map_a_full(void *ctx)
{
	if (ledger_add(2) == 1)
		warn(ctx, 0);
}

static __always_inline __s64 *map_a_lookup(__s8 *key)
{
	return map_a.lookup(key);
}

static __always_inline void map_a_update(void *ctx, __s8 *key, __s64 *value)
{
	if (map_a.update(key, value))
		map_a_full(ctx);
}

static __always_inline long map_a_delete(__s8 *key)
{
	return map_a.delete(key);
}

/* @b */
BPF_TABLE("hash", __s8, __s64, map_b, 4096);

static __always_inline void map_b_full(void *ctx)
{
	if (ledger_add(3) == 1)
		warn(ctx, 1);
}

static __always_inline __s64 *map_b_lookup(__s8 *key)
{
	return map_b.lookup(key);
}

static __always_inline void map_b_update(void *ctx, __s8 *key, __s64 *value)
{
	if (map_b.update(key, value))
		map_b_full(ctx);
}

static __always_inline long map_b_delete(__s8 *key)
{
	return map_b.delete(key);
}

/* @c */
BPF_TABLE("hash", __u32, __s64, map_c, 1);

static __always_inline void map_c_full(void *ctx)
{
	if (ledger_add(4) == 1)
		warn(ctx, 2);
}

static __always_inline __s64 *map_c_lookup(void)
{
	__u32 zero = 0;

	return map_c.lookup(&zero);
}

static __always_inline void map_c_update(void *ctx, __s64 *value)
{
	__u32 zero = 0;

	if (map_c.update(&zero, value))
		map_c_full(ctx);
}

static __always_inline long map_c_delete(void)
{
	__u32 zero = 0;

	return map_c.delete(&zero);
}

/* @done */
BPF_TABLE("hash", __u32, _Bool, map_done, 1);

static __always_inline void map_done_full(void *ctx)
{
	if (ledger_add(5) == 1)
		warn(ctx, 3);
}

static __always_inline _Bool *map_done_lookup(void)
{
	__u32 zero = 0;

	return map_done.lookup(&zero);
}

static __always_inline void map_done_update(void *ctx, _Bool *value)
{
	__u32 zero = 0;

	if (map_done.update(&zero, value))
		map_done_full(ctx);
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
	__s8 key0;
	key0 = 1;
	__s64 *found0 = map_a_lookup(&key0);
	__s64 value0 = found0 ? *found0 : 0;
	_Bool condition0 = value0;
	if (condition0) {
		__s8 key1;
		key1 = 2;
		__s64 *found1 = map_b_lookup(&key1);
		__s64 value1 = found1 ? *found1 : 0;
		condition0 = (value1 > 3);
	}
	_Bool condition1 = condition0;
	if (!condition1) {
		__s64 *found2 = map_c_lookup();
		__s64 value2 = found2 ? *found2 : 0;
		condition1 = (!value2);
	}
	if (condition1) {
		/* @a[1] = @b[2] ? @b[3] : @c + 1; */
#line 4 "branches.bt"
		__s64 value3;
		__s8 key2;
		key2 = 2;
		__s64 *found3 = map_b_lookup(&key2);
		__s64 value4 = found3 ? *found3 : 0;
		__s64 chosen0;
		if (value4) {
			__s8 key3;
			key3 = 3;
			__s64 *found4 = map_b_lookup(&key3);
			__s64 value5 = found4 ? *found4 : 0;
			chosen0 = value5;
		} else {
			__s64 *found5 = map_c_lookup();
			__s64 value6 = found5 ? *found5 : 0;
			chosen0 = (value6 + 1);
		}
		value3 = chosen0;
		__s8 key4;
		key4 = 1;
		map_a_update(ctx, &key4, &value3);
	} else {
		/* if @c == 5 */
#line 5 "branches.bt"
		__s64 *found6 = map_c_lookup();
		__s64 value7 = found6 ? *found6 : 0;
		if ((value7 == 5)) {
			/* @b[3] = @c ?: 7; */
#line 6 "branches.bt"
			__s64 value8;
			__s64 *found7 = map_c_lookup();
			__s64 value9 = found7 ? *found7 : 0;
			__s64 chosen1;
			if (value9) {
				__s64 *found8 = map_c_lookup();
				__s64 value10 = found8 ? *found8 : 0;
				chosen1 = value10;
			} else {
				chosen1 = 7;
			}
			value8 = chosen1;
			__s8 key5;
			key5 = 3;
			map_b_update(ctx, &key5, &value8);
		} else {
			/* @c = 5; */
#line 8 "branches.bt"
			__s64 value11;
			value11 = 5;
			map_c_update(ctx, &value11);
			/* @b[2] = 4; */
#line 9 "branches.bt"
			__s64 value12;
			value12 = 4;
			__s8 key6;
			key6 = 2;
			map_b_update(ctx, &key6, &value12);
		}
	}
	/* { $x = 1; @c = $x + elapsed / 1000; } */
#line 11 "branches.bt"
	do {
		/* $x = 1; */
#line 11 "branches.bt"
		__s8 v_x = 1;
		/* @c = $x + elapsed / 1000; */
#line 11 "branches.bt"
		__s64 value13;
		value13 = ((__s64)v_x + (__s64)((__u64)((__u64)(bpf_ktime_get_boot_ns() - start_time_get()) / 1000)));
		map_c_update(ctx, &value13);
	} while (0);
	/* if @c > 100 */
#line 12 "branches.bt"
	__s64 *found9 = map_c_lookup();
	__s64 value14 = found9 ? *found9 : 0;
	if ((value14 > 100)) {
		/* return; */
#line 12 "branches.bt"
		return 0;
	}
	/* @done = true; */
#line 13 "branches.bt"
	_Bool value15;
	value15 = 1;
	map_done_update(ctx, &value15);
	return 0;
}
