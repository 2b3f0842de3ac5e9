/* objects.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct bytes_40_8 {
	__u8 data[40];
} __attribute__((aligned(8)));

struct event_0 {
	struct event_header header;
	__s64 arg0;
};

struct string_6 {
	char data[6];
};

struct event_2 {
	struct event_header header;
	struct bytes_40_8 arg0;
};

struct bytes_72_8 {
	__u8 data[72];
} __attribute__((aligned(8)));

struct tuple_0 {
	__u32 f0;
	__u32 f1;
};

struct event_3 {
	struct event_header header;
	struct tuple_0 arg0;
};

struct array_0 {
	__u8 data[1];
};

struct array_1 {
	__u64 data[4];
};

struct event_5 {
	struct event_header header;
	__u64 arg0;
};

struct event_7 {
	struct event_header header;
	__u64 arg0;
};

struct array_2 {
	__s8 data[4];
};

struct string_4 {
	char data[4];
};

struct array_3 {
	__u8 data[4];
};

struct array_4 {
	__s32 data[2];
};

struct event_10 {
	struct event_header header;
	__u64 arg0;
};

struct request___k {
	union {
		struct {
			char before_fault[40];
			__u64 fault[4];
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
	__u64 words[17];
};

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

/* A run-time warning: an event without fields. */
static __always_inline void warn(void *ctx, __u32 id)
{
	struct event_header event = { .time = bpf_ktime_get_ns(), .id = id };

	send(ctx, &event, sizeof(event));
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

/* @last */
BPF_TABLE("hash", __u32, __s8, map_last, 1);

static __always_inline void map_last_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s8 *map_last_lookup(void)
{
	__u32 zero = 0;

	return map_last.lookup(&zero);
}

static __always_inline void map_last_update(void *ctx, __s8 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_last.update(&zero, value);

	if (result)
		map_last_full(ctx, warning, result);
}

static __always_inline long map_last_delete(void)
{
	__u32 zero = 0;

	return map_last.delete(&zero);
}

/* @fault */
BPF_TABLE("hash", __u32, struct array_1, map_fault, 1);

static __always_inline void map_fault_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct array_1 *map_fault_lookup(void)
{
	__u32 zero = 0;

	return map_fault.lookup(&zero);
}

static __always_inline void map_fault_update(void *ctx, struct array_1 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_fault.update(&zero, value);

	if (result)
		map_fault_full(ctx, warning, result);
}

static __always_inline long map_fault_delete(void)
{
	__u32 zero = 0;

	return map_fault.delete(&zero);
}

/* @k */
BPF_TABLE("hash", struct array_3, struct array_2, map_k, 4096);

static __always_inline void map_k_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct array_2 *map_k_lookup(struct array_3 *key)
{
	return map_k.lookup(key);
}

static __always_inline void map_k_update(void *ctx, struct array_3 *key, struct array_2 *value, __u32 warning)
{
	int result = map_k.update(key, value);

	if (result)
		map_k_full(ctx, warning, result);
}

static __always_inline long map_k_delete(struct array_3 *key)
{
	return map_k.delete(key);
}

struct probe_0_scratch {
	__u64 busy;
	struct bytes_40_8 in_v_f__0 __attribute__((aligned(8)));
	struct bytes_72_8 in_v_r__0 __attribute__((aligned(8)));
	struct event_10 event_5 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(__u64 *ctx, struct probe_0_scratch *scratch)
{
	/* $f = *args.file; */
#line 3 "objects.bt"
	bpf_probe_read_kernel(&scratch->in_v_f__0, 40, (void *)(ctx[14]));
	/* print($f.f_pos) */
#line 4 "objects.bt"
	struct event_0 event_0;
	event_0.arg0 = (*(__s64 *)((void *)&scratch->in_v_f__0 + 24));
	event_0.header.time = bpf_ktime_get_ns();
	event_0.header.id = 0;
	event_0.header.unused = 0;
	send(ctx, &event_0, sizeof(event_0));
	/* @last = $f.f_key[1]; */
#line 5 "objects.bt"
	__s8 value_0;
	value_0 = (*(struct string_6 *)((void *)&scratch->in_v_f__0 + 32)).data[1];
	map_last_update(ctx, &value_0, 1);
	/* print(*args.file) */
#line 6 "objects.bt"
	struct event_2 event_1;
	bpf_probe_read_kernel(&event_1.arg0, 40, (void *)(ctx[14]));
	event_1.header.time = bpf_ktime_get_ns();
	event_1.header.id = 2;
	event_1.header.unused = 0;
	send(ctx, &event_1, sizeof(event_1));
	/* $r = *(struct request *)arg0; */
#line 7 "objects.bt"
	bpf_probe_read_kernel(&scratch->in_v_r__0, 72, (void *)((ctx[14])));
	/* print(($r.flags, ((struct request *)arg0).flags)) */
#line 8 "objects.bt"
	struct event_3 event_2;
	__builtin_memset(&event_2.arg0, 0, sizeof(event_2.arg0));
	__u64 bits_0 = 0;
	__builtin_memcpy(&bits_0, &(*(struct array_0 *)((void *)&scratch->in_v_r__0 + 32)), 1);
	event_2.arg0.f0 = ((__u32)(bits_0 & 0x1fULL));
	__u64 bits_1 = 0;
	bpf_probe_read_kernel(&bits_1, 1, (void *)(((__u64)(void *)((ctx[14])) + 32)));
	event_2.arg0.f1 = ((__u32)(bits_1 & 0x1fULL));
	event_2.header.time = bpf_ktime_get_ns();
	event_2.header.id = 3;
	event_2.header.unused = 0;
	send(ctx, &event_2, sizeof(event_2));
	/* @fault = $r.fault; */
#line 9 "objects.bt"
	struct array_1 value_1;
	__builtin_memcpy(&value_1, &(*(struct array_1 *)((void *)&scratch->in_v_r__0 + 40)), 32);
	map_fault_update(ctx, &value_1, 4);
	/* $i = arg1; */
#line 10 "objects.bt"
	__u64 v_i = ctx[13];
	/* print($r.fault[$i]) */
#line 11 "objects.bt"
	struct event_5 event_3;
	void *address_0 = &(*(struct array_1 *)((void *)&scratch->in_v_r__0 + 40));
	asm volatile("" : "+r"(address_0));
	__u64 index_0 = v_i;
	asm volatile("" : "+r"(index_0));
	if (index_0 >= 4) {
		warn(ctx, 6);
		index_0 = 0;
	}
	__u64 target_0 = 0;
	bpf_probe_read_kernel(&target_0, sizeof(target_0), (void *)(((__u64)address_0 + index_0 * 8)));
	event_3.arg0 = target_0;
	event_3.header.time = bpf_ktime_get_ns();
	event_3.header.id = 5;
	event_3.header.unused = 0;
	send(ctx, &event_3, sizeof(event_3));
	/* print(((struct request *)arg0).fault[$i]) */
#line 12 "objects.bt"
	struct event_7 event_4;
	__u64 index_1 = v_i;
	asm volatile("" : "+r"(index_1));
	if (index_1 >= 4) {
		warn(ctx, 8);
		index_1 = 0;
	}
	__u64 target_1 = 0;
	bpf_probe_read_kernel(&target_1, sizeof(target_1), (void *)(((__u64)&((struct request___k *)((ctx[14])))->fault + index_1 * 8)));
	event_4.arg0 = target_1;
	event_4.header.time = bpf_ktime_get_ns();
	event_4.header.id = 7;
	event_4.header.unused = 0;
	send(ctx, &event_4, sizeof(event_4));
	/* @k[(uint8[4])pid] = (int8[])"abc"; */
#line 13 "objects.bt"
	struct array_2 value_2;
	struct string_4 value_3;
	__builtin_memset(value_3.data, 0, 4);
	__builtin_memcpy(value_3.data, "abc", 3);
	__builtin_memcpy(&value_2, &value_3, 4);
	struct array_3 key_0;
	__u64 pid_tgid_0 = bpf_get_current_pid_tgid();
	__u64 number_0 = (__u64)(__u32)(pid_tgid_0 >> 32);
	__builtin_memcpy(&key_0, &number_0, 4);
	map_k_update(ctx, &key_0, &value_2, 9);
	/* let $e : int32[2] = (int32[2])nsecs; */
#line 14 "objects.bt"
	struct array_4 in_v_e__0;
	struct array_4 *v_e = &in_v_e__0;
	__u64 number_1 = bpf_ktime_get_boot_ns();
	__builtin_memcpy(&(*v_e), &number_1, 8);
	/* $p = &$e; */
#line 15 "objects.bt"
	void *address_1 = &(*v_e);
	asm volatile("" : "+r"(address_1));
	__u64 v_p = (__u64)address_1;
	/* print($p) */
#line 16 "objects.bt"
	scratch->event_5.arg0 = v_p;
	scratch->event_5.header.time = bpf_ktime_get_ns();
	scratch->event_5.header.id = 10;
	scratch->event_5.header.unused = 0;
	send(ctx, &scratch->event_5, sizeof(scratch->event_5));
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
