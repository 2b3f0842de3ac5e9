/* late.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct timestamp {
	__u64 ns;
	__u32 clock;
	__u32 format;
} __attribute__((packed));

struct event_0 {
	struct event_header header;
	struct timestamp arg0;
	struct timestamp arg1;
};

struct cgroup_path {
	__u64 id;
	__u64 filter;
} __attribute__((packed));

struct tuple_0 {
	struct timestamp f0;
	__u64 f1;
};

struct tuple_1 {
	struct timestamp f0;
	__u64 f1;
	struct cgroup_path f2;
};

struct event_2 {
	struct event_header header;
	struct tuple_1 arg0;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

BPF_TABLE("percpu_array", __u32, __u64, ledger, 3);

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return ledger.lookup(index);
}

BPF_TABLE("array", __u32, __u32, control, 4);

static __always_inline __u32 *control_at(__u32 *index)
{
	return control.lookup(index);
}

BPF_TABLE("array", __u32, __u64, tai_offset, 1);

static __always_inline __u64 *tai_offset_at(__u32 *index)
{
	return tai_offset.lookup(index);
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

/* What CLOCK_TAI is ahead of CLOCK_BOOTTIME. */
static __always_inline __u64 tai_offset_get(void)
{
	__u32 zero = 0;
	__u64 *offset = tai_offset_at(&zero);

	return offset ? *offset : 0;
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

/* @at */
BPF_TABLE("hash", struct tuple_0, struct cgroup_path, map_at, 4096);

static __always_inline void map_at_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(2) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct cgroup_path *map_at_lookup(struct tuple_0 *key)
{
	return map_at.lookup(key);
}

static __always_inline void map_at_update(void *ctx, struct tuple_0 *key, struct cgroup_path *value, __u32 warning)
{
	int result = map_at.update(key, value);

	if (result)
		map_at_full(ctx, warning, result);
}

static __always_inline long map_at_delete(struct tuple_0 *key)
{
	return map_at.delete(key);
}

/* begin */
int probe_0(void *ctx)
{
	ledger_add(1);
	/* printf("%s %s\n", strftime("%H:%M:%S.%f", nsecs), strftime("%F", nsecs(sw_tai))) */
#line 3 "late.bt"
	struct event_0 event_0;
	__builtin_memset(&event_0.arg0, 0, sizeof(event_0.arg0));
	event_0.arg0.ns = (bpf_ktime_get_boot_ns()); event_0.arg0.clock = 0; event_0.arg0.format = 0;
	__builtin_memset(&event_0.arg1, 0, sizeof(event_0.arg1));
	event_0.arg1.ns = ((bpf_ktime_get_boot_ns() + tai_offset_get())); event_0.arg1.clock = 1; event_0.arg1.format = 1;
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* @at[strftime("%H", 5), username] = cgroup_path(cgroup, "unified"); */
#line 4 "late.bt"
	struct cgroup_path value_0;
	__builtin_memset(&value_0, 0, sizeof(value_0));
	__u64 cgroup_id_0 = bpf_get_current_cgroup_id();
	value_0.id = (cgroup_id_0); value_0.filter = 4;
	struct tuple_0 key_0;
	__builtin_memset(&key_0, 0, sizeof(key_0));
	__builtin_memset(&key_0.f0, 0, sizeof(key_0.f0));
	key_0.f0.ns = ((__u64)5); key_0.f0.clock = 0; key_0.f0.format = 2;
	__u64 uid_gid_0 = bpf_get_current_uid_gid();
	key_0.f1 = (uid_gid_0 & 0xffffffff);
	map_at_update(ctx, &key_0, &value_0, 1);
	/* $then = strftime("%H", nsecs); */
#line 5 "late.bt"
	struct timestamp in_v_then__0;
	struct timestamp *v_then = &in_v_then__0;
	__builtin_memset(&(*v_then), 0, sizeof((*v_then)));
	(*v_then).ns = (bpf_ktime_get_boot_ns()); (*v_then).clock = 0; (*v_then).format = 2;
	/* print(($then, (username_t)1000, cgroup_path(1))) */
#line 6 "late.bt"
	struct event_2 event_1;
	__builtin_memset(&event_1.arg0, 0, sizeof(event_1.arg0));
	__builtin_memcpy(&event_1.arg0.f0, &(*v_then), 16);
	event_1.arg0.f1 = ((__u64)1000);
	__builtin_memset(&event_1.arg0.f2, 0, sizeof(event_1.arg0.f2));
	event_1.arg0.f2.id = ((__u64)1); event_1.arg0.f2.filter = 0;
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 2;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	/* @at[$then, (username_t)0] = cgroup_path(2); */
#line 7 "late.bt"
	struct cgroup_path value_1;
	__builtin_memset(&value_1, 0, sizeof(value_1));
	value_1.id = ((__u64)2); value_1.filter = 0;
	struct tuple_0 key_1;
	__builtin_memset(&key_1, 0, sizeof(key_1));
	__builtin_memcpy(&key_1.f0, &(*v_then), 16);
	key_1.f1 = ((__u64)0);
	map_at_update(ctx, &key_1, &value_1, 3);
	return 0;
}
