/* registers.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct tuple_0 {
	__u64 f0;
	__u64 f1;
};

struct tuple_1 {
	__u64 f0;
	_Bool f1;
	__u16 f2;
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

/* @ip */
BPF_TABLE("hash", struct tuple_0, __u32, map_ip, 4096);

static __always_inline void map_ip_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u32 *map_ip_lookup(struct tuple_0 *key)
{
	return map_ip.lookup(key);
}

static __always_inline void map_ip_update(void *ctx, struct tuple_0 *key, __u32 *value, __u32 warning)
{
	int result = map_ip.update(key, value);

	if (result)
		map_ip_full(ctx, warning, result);
}

static __always_inline long map_ip_delete(struct tuple_0 *key)
{
	return map_ip.delete(key);
}

/* @ */
BPF_TABLE("percpu_hash", struct tuple_1, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct tuple_1 *key, __u32 warning)
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

static __always_inline long map__delete(struct tuple_1 *key)
{
	return map_.delete(key);
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(1);
	/* if is_err(arg0) */
#line 1 "registers.bt"
	if (((__u64)((__s64)ctx[14]) >= (__u64)-4095LL)) {
		/* @ip[reg("ip"), kaddr("vfs_write")] = bswap((uint32)reg("di")); */
#line 2 "registers.bt"
		__u32 value_0;
		value_0 = __builtin_bswap32((((__u32)((__u64 *)ctx)[14])));
		struct tuple_0 key_0;
		__builtin_memset(&key_0, 0, sizeof(key_0));
		key_0.f0 = ((__u64 *)ctx)[16];
		key_0.f1 = 18446744071578845696ULL;
		map_ip_update(ctx, &key_0, &value_0, 0);
	}
	return 0;
}

/* kretprobe:vfs_read */
int probe_1(__u64 *ctx)
{
	if (!active())
		return 0;
	ledger_add(2);
	/* @[reg("r15"), is_err(retval), bswap((uint16)retval)] = count(); */
#line 6 "registers.bt"
	struct tuple_1 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	key_0.f0 = ((__u64 *)ctx)[0];
	key_0.f1 = ((__u64)((__s64)ctx[10]) >= (__u64)-4095LL);
	key_0.f2 = __builtin_bswap16((((__u16)ctx[10])));
	struct count *slot_0 = map__slot(ctx, &key_0, 1);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}
