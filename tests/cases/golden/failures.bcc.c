/* failures.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_2 {
	char data[2];
};

struct string_1024 {
	char data[1024];
};

struct string_9 {
	char data[9];
};

struct count {
	__u64 n;
};

struct path___k {
	union {
		struct {
			char before_dentry[8];
			void *dentry;
		} __attribute__((packed));
	};
};

struct qstr___k {
	union {
		struct {
			char before_name[8];
			void *name;
		} __attribute__((packed));
	};
};

struct dentry___k {
	union {
		struct {
			__u32 d_flags;
		} __attribute__((packed));
		struct {
			char before_d_name[16];
			struct qstr___k d_name;
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
	__u64 words[128];
};

struct zeros {
	__u64 words[1];
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

/* @m */
BPF_TABLE("hash", struct string_2, __s8, map_m, 4096);

static __always_inline void map_m_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_m_lookup(struct string_2 *key)
{
	return map_m.lookup(key);
}

static __always_inline void map_m_update(void *ctx, struct string_2 *key, __s8 *value, __u32 warning)
{
	int result = map_m.update(key, value);

	if (result)
		map_m_full(ctx, warning, result);
}

static __always_inline long map_m_delete(struct string_2 *key)
{
	return map_m.delete(key);
}

/* @n */
BPF_TABLE("hash", __u32, __s8, map_n, 1);

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_n_lookup(void)
{
	__u32 zero = 0;

	return map_n.lookup(&zero);
}

static __always_inline void map_n_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_n.update(&zero, value);

	if (result)
		map_n_full(ctx, warning, result);
}

static __always_inline long map_n_delete(void)
{
	__u32 zero = 0;

	return map_n.delete(&zero);
}

/* @name */
BPF_TABLE("hash", struct string_1024, __u32, map_name, 4096);

static __always_inline void map_name_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u32 *map_name_lookup(struct string_1024 *key)
{
	return map_name.lookup(key);
}

static __always_inline void map_name_update(void *ctx, struct string_1024 *key, __u32 *value, __u32 warning)
{
	int result = map_name.update(key, value);

	if (result)
		map_name_full(ctx, warning, result);
}

static __always_inline long map_name_delete(struct string_1024 *key)
{
	return map_name.delete(key);
}

/* @ */
BPF_TABLE("percpu_hash", struct string_9, struct count, map_, 4096);

static __always_inline void map__full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map__slot(void *ctx, struct string_9 *key, __u32 warning)
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

static __always_inline long map__delete(struct string_9 *key)
{
	return map_.delete(key);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* @m["a"] = 1; */
#line 3 "failures.bt"
	__s8 value_0;
	value_0 = 1;
	struct string_2 key_0;
	__builtin_memset(key_0.data, 0, 2);
	__builtin_memcpy(key_0.data, "a", 1);
	map_m_update(ctx, &key_0, &value_0, 0);
	/* @n = @m["b"]; */
#line 4 "failures.bt"
	__s8 value_1;
	struct string_2 key_1;
	__builtin_memset(key_1.data, 0, 2);
	__builtin_memcpy(key_1.data, "b", 1);
	__s8 *found_0 = map_m_lookup(&key_1);
	if (!found_0)
		warn_failed(ctx, 1, 0);
	__s8 value_2 = found_0 ? *found_0 : 0;
	value_1 = value_2;
	map_n_update(ctx, &value_1, 2);
	/* delete(@m, "c") */
#line 5 "failures.bt"
	struct string_2 key_2;
	__builtin_memset(key_2.data, 0, 2);
	__builtin_memcpy(key_2.data, "c", 1);
	int missing_0 = map_m_delete(&key_2);
	if (missing_0) {
		warn_failed(ctx, 3, missing_0);
	}
	/* if delete(@m, "d") */
#line 6 "failures.bt"
	struct string_2 key_3;
	__builtin_memset(key_3.data, 0, 2);
	__builtin_memcpy(key_3.data, "d", 1);
	int missing_1 = map_m_delete(&key_3);
	if (!missing_1) {
		/* @n = 2; */
#line 7 "failures.bt"
		__s8 value_3;
		value_3 = 2;
		map_n_update(ctx, &value_3, 4);
	}
	return 0;
}

struct probe_1_scratch {
	__u64 busy;
	struct string_1024 key_0 __attribute__((aligned(8)));
};

static __always_inline int probe_1_body(__u64 *ctx, struct probe_1_scratch *scratch)
{
	/* @name[str(args.path.dentry.d_name.name)] = args.path.dentry.d_flags; */
#line 12 "failures.bt"
	__u32 value_0;
	__u64 dentry_0 = 0;
	int result_0 = bpf_probe_read_kernel(&dentry_0, sizeof(dentry_0), &((struct path___k *)(ctx[14]))->dentry);
	if (result_0 < 0)
		warn_failed(ctx, 5, result_0);
	__u32 d_flags_0 = 0;
	int result_1 = bpf_probe_read_kernel(&d_flags_0, sizeof(d_flags_0), &((struct dentry___k *)(dentry_0))->d_flags);
	if (result_1 < 0)
		warn_failed(ctx, 6, result_1);
	value_0 = d_flags_0;
	__u64 dentry_1 = 0;
	int result_2 = bpf_probe_read_kernel(&dentry_1, sizeof(dentry_1), &((struct path___k *)(ctx[14]))->dentry);
	if (result_2 < 0)
		warn_failed(ctx, 7, result_2);
	__u64 name_0 = 0;
	int result_3 = bpf_probe_read_kernel(&name_0, sizeof(name_0), &((struct dentry___k *)(dentry_1))->d_name.name);
	if (result_3 < 0)
		warn_failed(ctx, 8, result_3);
	clear_bytes(scratch->key_0.data, 1024);
	int result_4 = bpf_probe_read_kernel_str(scratch->key_0.data, 1024, (void *)(name_0));
	if (result_4 < 0)
		warn_failed(ctx, 9, result_4);
	map_name_update(ctx, &scratch->key_0, &value_0, 10);
	/* @[str(args.path.dentry.d_name.name, 8)] = count(); */
#line 13 "failures.bt"
	struct string_9 key_1;
	__u64 dentry_2 = 0;
	int result_5 = bpf_probe_read_kernel(&dentry_2, sizeof(dentry_2), &((struct path___k *)(ctx[14]))->dentry);
	if (result_5 < 0)
		warn_failed(ctx, 11, result_5);
	__u64 name_1 = 0;
	int result_6 = bpf_probe_read_kernel(&name_1, sizeof(name_1), &((struct dentry___k *)(dentry_2))->d_name.name);
	if (result_6 < 0)
		warn_failed(ctx, 12, result_6);
	__builtin_memset(key_1.data, 0, 9);
	int result_7 = bpf_probe_read_kernel_str(key_1.data, 8, (void *)(name_1));
	if (result_7 < 0)
		warn_failed(ctx, 13, result_7);
	struct count *slot_0 = map__slot(ctx, &key_1, 14);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

/* kprobe:vfs_open */
int probe_1(__u64 *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 0;
	ledger_add(2);
	slot = scratch_enter(3);
	if (!slot)
		return 0;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
