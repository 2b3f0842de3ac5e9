/* buffers.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct buffer_1020 {
	__u32 length;
	char data[1020];
} __attribute__((packed));

struct buffer_4 {
	__u32 length;
	char data[4];
} __attribute__((packed));

struct buffer_6 {
	__u32 length;
	char data[6];
} __attribute__((packed));

struct event_0 {
	struct event_header header;
	struct buffer_1020 arg0;
	struct buffer_4 arg1;
	struct buffer_6 arg2;
};

struct buffer_16 {
	__u32 length;
	char data[16];
} __attribute__((packed));

struct macaddr {
	__u8 data[6];
};

struct string_16 {
	char data[16];
};

struct tuple_0 {
	__u64 f0;
	struct string_16 f1;
};

struct string_4 {
	char data[4];
};

struct tuple_1 {
	__u32 f0;
	struct string_4 f1;
};

struct array_0 {
	__u8 data[4];
};

struct file___k {
	union {
		struct {
			char before_f_key[32];
			char f_key[6];
		} __attribute__((packed));
	};
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[261];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 8);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("percpu_array", __u32, struct scratch_slot, scratch, 4);

static __always_inline struct scratch_slot *scratch_at(__u32 *index)
{
	return scratch.lookup(index);
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

/*
 * Big objects live in per-CPU scratch memory. An interrupt may nest inside a program, so each run
 * takes a free slot; when none is free the run is refused and counted.
 */
static __always_inline struct scratch_slot *scratch_enter(__u32 refused)
{
#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u32 index = i;
		struct scratch_slot *slot = scratch_at(&index);

		if (!slot)
			continue;
		__sync_fetch_and_add(&slot->busy, 1);
		if (*(volatile __u64 *)&slot->busy == 1)
			return slot;
		__sync_fetch_and_add(&slot->busy, -1);
	}
	ledger_add(refused);
	return (void *)0;
}

/* Zero many bytes in one call: a read from address 0 fails, and then the kernel zeroes them. */
static __always_inline void clear_bytes(void *to, __u32 size)
{
	bpf_probe_read_kernel(to, size, (void *)0);
}

/* Strings are equal if their bytes are, up to the NUL or to the shorter size. */
static __always_inline _Bool string_equal(const char *left, const char *right, __u32 size)
{
	for (__u32 i = 0; i < size; i++) {
		if (left[i] != right[i])
			return 0;
		if (!left[i])
			return 1;
	}
	return 1;
}

static __always_inline _Bool bytes_equal(const void *left, const void *right, __u32 size)
{
	const __u8 *one = left, *other = right;

	for (__u32 i = 0; i < size; i++)
		if (one[i] != other[i])
			return 0;
	return 1;
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

/* @mac */
BPF_TABLE("hash", struct macaddr, struct buffer_16, map_mac, 4096);

static __always_inline void map_mac_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct buffer_16 *map_mac_lookup(struct macaddr *key)
{
	return map_mac.lookup(key);
}

static __always_inline void map_mac_update(void *ctx, struct macaddr *key, struct buffer_16 *value, __u32 warning)
{
	int result = map_mac.update(key, value);

	if (result)
		map_mac_full(ctx, warning, result);
}

static __always_inline long map_mac_delete(struct macaddr *key)
{
	return map_mac.delete(key);
}

/* @same */
BPF_TABLE("hash", __u32, _Bool, map_same, 1);

static __always_inline void map_same_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_same_lookup(void)
{
	__u32 zero = 0;

	return map_same.lookup(&zero);
}

static __always_inline void map_same_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_same.update(&zero, value);

	if (result)
		map_same_full(ctx, warning, result);
}

static __always_inline long map_same_delete(void)
{
	__u32 zero = 0;

	return map_same.delete(&zero);
}

/* @tuple */
BPF_TABLE("hash", __u32, _Bool, map_tuple, 1);

static __always_inline void map_tuple_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_tuple_lookup(void)
{
	__u32 zero = 0;

	return map_tuple.lookup(&zero);
}

static __always_inline void map_tuple_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_tuple.update(&zero, value);

	if (result)
		map_tuple_full(ctx, warning, result);
}

static __always_inline long map_tuple_delete(void)
{
	__u32 zero = 0;

	return map_tuple.delete(&zero);
}

/* @record */
BPF_TABLE("hash", __u32, _Bool, map_record, 1);

static __always_inline void map_record_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_record_lookup(void)
{
	__u32 zero = 0;

	return map_record.lookup(&zero);
}

static __always_inline void map_record_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_record.update(&zero, value);

	if (result)
		map_record_full(ctx, warning, result);
}

static __always_inline long map_record_delete(void)
{
	__u32 zero = 0;

	return map_record.delete(&zero);
}

/* @array */
BPF_TABLE("hash", __u32, _Bool, map_array, 1);

static __always_inline void map_array_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_array_lookup(void)
{
	__u32 zero = 0;

	return map_array.lookup(&zero);
}

static __always_inline void map_array_update(void *ctx, _Bool *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_array.update(&zero, value);

	if (result)
		map_array_full(ctx, warning, result);
}

static __always_inline long map_array_delete(void)
{
	__u32 zero = 0;

	return map_array.delete(&zero);
}

struct probe_0_scratch {
	__u64 busy;
	struct buffer_1020 in_v_b__0 __attribute__((aligned(8)));
	struct event_0 event_0 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(__u64 *ctx, struct probe_0_scratch *scratch)
{
	/* $b = buf(args.buf, args.count); */
#line 3 "buffers.bt"
	__u64 length_0 = ctx[12];
	if (length_0 > 1020)
		length_0 = 1020;
	clear_bytes(&scratch->in_v_b__0, sizeof(scratch->in_v_b__0));
	scratch->in_v_b__0.length = length_0;
	bpf_probe_read_user(scratch->in_v_b__0.data, length_0, (void *)(ctx[13]));
	/* printf("%r %rx %rh\n", $b, buf(arg0, 4), buf(args.file.f_key)) */
#line 4 "buffers.bt"
	clear_bytes(&scratch->event_0, sizeof(scratch->event_0));
	bpf_probe_read_kernel(&scratch->event_0.arg0, 1024, &scratch->in_v_b__0);
	scratch->event_0.arg1.length = 4;
	bpf_probe_read_kernel(scratch->event_0.arg1.data, 4, (void *)(ctx[14]));
	scratch->event_0.arg2.length = 6;
	bpf_probe_read_kernel(scratch->event_0.arg2.data, 6, (void *)((__u64)&((struct file___k *)(ctx[14]))->f_key));
	scratch->event_0.header.time = bpf_ktime_get_ns();
	scratch->event_0.header.id = 0;
	scratch->event_0.header.unused = 0;
	send(ctx, &scratch->event_0, sizeof(scratch->event_0));
	/* @mac[macaddr(args.file.f_key)] = buf(arg0, 16); */
#line 5 "buffers.bt"
	struct buffer_16 value_0;
	value_0.length = 16;
	bpf_probe_read_kernel(value_0.data, 16, (void *)(ctx[14]));
	struct macaddr key_0;
	bpf_probe_read_kernel(&key_0, 6, (void *)((__u64)&((struct file___k *)(ctx[14]))->f_key));
	map_mac_update(ctx, &key_0, &value_0, 1);
	/* @same = buf(arg0, 4) == buf(arg1, 6); */
#line 6 "buffers.bt"
	_Bool value_1;
	struct buffer_6 side_0;
	__builtin_memset(&side_0, 0, sizeof(side_0));
	side_0.length = 4;
	bpf_probe_read_kernel(side_0.data, 4, (void *)(ctx[14]));
	struct buffer_6 value_2;
	value_2.length = 6;
	bpf_probe_read_kernel(value_2.data, 6, (void *)(ctx[13]));
	value_1 = (bytes_equal(&side_0, &value_2, 10));
	map_same_update(ctx, &value_1, 2);
	/* @tuple = (pid, comm) == (arg2, "x"); */
#line 7 "buffers.bt"
	_Bool value_3;
	struct tuple_0 side_1;
	__builtin_memset(&side_1, 0, sizeof(side_1));
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	side_1.f0 = (__u64)(__u32)(pid_tgid_0 >> 32);
	__builtin_memset(side_1.f1.data, 0, 16);
	bpf_get_current_comm(side_1.f1.data, 16);
	struct tuple_0 side_2;
	__builtin_memset(&side_2, 0, sizeof(side_2));
	side_2.f0 = ctx[12];
	__builtin_memset(side_2.f1.data, 0, 16);
	__builtin_memcpy(side_2.f1.data, "x", 1);
	value_3 = (side_1.f0 == side_2.f0 && string_equal(side_1.f1.data, side_2.f1.data, 16));
	map_tuple_update(ctx, &value_3, 3);
	/* @record = (a=pid, b="x") != (b="xyz", a=1); */
#line 8 "buffers.bt"
	_Bool value_4;
	struct tuple_1 side_3;
	__builtin_memset(&side_3, 0, sizeof(side_3));
	side_3.f0 = (__u32)(pid_tgid_0 >> 32);
	__builtin_memset(side_3.f1.data, 0, 4);
	__builtin_memcpy(side_3.f1.data, "x", 1);
	struct tuple_1 side_4;
	__builtin_memset(&side_4, 0, sizeof(side_4));
	__builtin_memset(side_4.f1.data, 0, 4);
	__builtin_memcpy(side_4.f1.data, "xyz", 3);
	side_4.f0 = 1;
	value_4 = (!(side_3.f0 == side_4.f0 && string_equal(side_3.f1.data, side_4.f1.data, 4)));
	map_record_update(ctx, &value_4, 4);
	/* @array = (uint8[4])pid == (uint8[4])tid; */
#line 9 "buffers.bt"
	_Bool value_5;
	struct array_0 value_6;
	__u64 number_0 = (__u64)(__u32)(pid_tgid_0 >> 32);
	__builtin_memcpy(&value_6, &number_0, 4);
	struct array_0 value_7;
	__u64 number_1 = (__u64)(__u32)pid_tgid_0;
	__builtin_memcpy(&value_7, &number_1, 4);
	value_5 = (bytes_equal(&value_6, &value_7, 4));
	map_array_update(ctx, &value_5, 5);
	return 0;
}

/* kprobe:vfs_read */
int probe_0(__u64 *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 0;
	ledger_add(1);
	slot = scratch_enter(2);
	if (!slot)
		return 0;
	result = probe_0_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
