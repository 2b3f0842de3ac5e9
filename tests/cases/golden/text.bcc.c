/* text.bt: made by kptrace; SPDX-License-Identifier: GPL */
#define BPF_LICENSE GPL

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_16 {
	char data[16];
};

struct string_5 {
	char data[5];
};

struct string_3 {
	char data[3];
};

struct string_1024 {
	char data[1024];
};

struct string_19 {
	char data[19];
};

struct string_64 {
	char data[64];
};

struct string_33 {
	char data[33];
};

struct count {
	__u64 n;
};

BPF_PERF_OUTPUT(events);

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return events.perf_submit(ctx, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[136];
};

struct zeros {
	__u64 words[1];
};

BPF_TABLE("percpu_array", __u32, __u64, ledger, 13);

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

/*
 * What is checked is what is used: else clang may check one copy and use another, or add to an
 * aligned pointer with |, and the verifier refuses both.
 */
#define KEEP(p) asm volatile("" : "+r"(p))

/*
 * Bytes before the NUL; the size if there is none. Read onto itself the string tells its length: no
 * loop, and a number that the verifier does not follow value by value.
 */
static __always_inline __u64 text_length(char *text, __u32 size)
{
	char last = text[size - 1];
	__u64 length = bpf_probe_read_kernel_str(text, size, text) - 1;

	if (!last)
		return length;
	text[size - 1] = last; /* which the helper made a NUL */
	return length == size - 1 ? size : length;
}

/* Where one string begins in another; -1 if it does not. What the strings do not fill is zero. */
static __always_inline __s64 text_find(const char *text, __u32 size, const char *part,
		__u32 part_size)
{
	KEEP(text);
	KEEP(part);
	for (__u32 i = 0; i < size; i++) {
		__u32 j = 0;

		while (j < part_size && i + j < size && part[j] && text[i + j] == part[j])
			j++;
		if (j == part_size || !part[j])
			return i;
		if (!text[i])
			return -1;
	}
	return -1;
}

/* Two strings one behind the other, in memory for both of them. */
static __always_inline void text_join(char *to, const char *left, __u32 left_size,
		const char *right, __u32 right_size)
{
	__u64 end;

	bpf_probe_read_kernel(to, left_size, left);
	to[left_size] = 0;
	end = bpf_probe_read_kernel_str(to, left_size + 1, to) - 1;
	if (end <= left_size)
		bpf_probe_read_kernel(to + end, right_size, right);
}

/* As memcmp(3): negative if the left bytes are smaller. */
static __always_inline __s32 bytes_compare(const void *left, const void *right, __u32 size,
		__u64 count)
{
	const __u8 *one = left, *other = right;

	KEEP(one);
	KEEP(other);
	for (__u32 i = 0; i < size; i++) {
		if (i >= count)
			break;
		if (one[i] != other[i])
			return one[i] < other[i] ? -1 : 1;
	}
	return 0;
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

/* @n */
BPF_TABLE("hash", __u32, __u64, map_n, 1);

static __always_inline void map_n_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_n_lookup(void)
{
	__u32 zero = 0;

	return map_n.lookup(&zero);
}

static __always_inline void map_n_update(void *ctx, __u64 *value, __u32 warning)
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

/* @l */
BPF_TABLE("hash", __u32, __u64, map_l, 1);

static __always_inline void map_l_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(6) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __u64 *map_l_lookup(void)
{
	__u32 zero = 0;

	return map_l.lookup(&zero);
}

static __always_inline void map_l_update(void *ctx, __u64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_l.update(&zero, value);

	if (result)
		map_l_full(ctx, warning, result);
}

static __always_inline long map_l_delete(void)
{
	__u32 zero = 0;

	return map_l.delete(&zero);
}

/* @f */
BPF_TABLE("hash", __u32, __s64, map_f, 1);

static __always_inline void map_f_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(7) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s64 *map_f_lookup(void)
{
	__u32 zero = 0;

	return map_f.lookup(&zero);
}

static __always_inline void map_f_update(void *ctx, __s64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_f.update(&zero, value);

	if (result)
		map_f_full(ctx, warning, result);
}

static __always_inline long map_f_delete(void)
{
	__u32 zero = 0;

	return map_f.delete(&zero);
}

/* @c */
BPF_TABLE("hash", __u32, _Bool, map_c, 1);

static __always_inline void map_c_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(8) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline _Bool *map_c_lookup(void)
{
	__u32 zero = 0;

	return map_c.lookup(&zero);
}

static __always_inline void map_c_update(void *ctx, _Bool *value, __u32 warning)
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

/* @j */
BPF_TABLE("hash", __u32, struct string_1024, map_j, 1);

static __always_inline void map_j_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(9) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_1024 *map_j_lookup(void)
{
	__u32 zero = 0;

	return map_j.lookup(&zero);
}

static __always_inline void map_j_update(void *ctx, struct string_1024 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_j.update(&zero, value);

	if (result)
		map_j_full(ctx, warning, result);
}

static __always_inline long map_j_delete(void)
{
	__u32 zero = 0;

	return map_j.delete(&zero);
}

/* @m */
BPF_TABLE("hash", __u32, __s32, map_m, 1);

static __always_inline void map_m_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(10) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline __s32 *map_m_lookup(void)
{
	__u32 zero = 0;

	return map_m.lookup(&zero);
}

static __always_inline void map_m_update(void *ctx, __s32 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_m.update(&zero, value);

	if (result)
		map_m_full(ctx, warning, result);
}

static __always_inline long map_m_delete(void)
{
	__u32 zero = 0;

	return map_m.delete(&zero);
}

/* @e */
BPF_TABLE("hash", __u32, struct string_64, map_e, 1);

static __always_inline void map_e_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(11) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_64 *map_e_lookup(void)
{
	__u32 zero = 0;

	return map_e.lookup(&zero);
}

static __always_inline void map_e_update(void *ctx, struct string_64 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = map_e.update(&zero, value);

	if (result)
		map_e_full(ctx, warning, result);
}

static __always_inline long map_e_delete(void)
{
	__u32 zero = 0;

	return map_e.delete(&zero);
}

/* @short */
BPF_TABLE("percpu_hash", __u64, struct count, map_short, 4096);

static __always_inline void map_short_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(12) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_short_slot(void *ctx, __u64 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = map_short.lookup(key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = map_short.insert(key, (struct count *)zero_value);
	slot = map_short.lookup(key);
	if (!slot)
		map_short_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_short_delete(__u64 *key)
{
	return map_short.delete(key);
}

struct probe_0_scratch {
	__u64 busy;
	struct string_1024 value_7 __attribute__((aligned(8)));
	struct string_64 value_11 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(void *ctx, struct probe_0_scratch *scratch)
{
	/* $s = comm; */
#line 2 "text.bt"
	struct string_16 in_v_s__0;
	struct string_16 *v_s = &in_v_s__0;
	__builtin_memset((*v_s).data, 0, 16);
	bpf_get_current_comm((*v_s).data, 16);
	/* @n = strncmp($s, "bash", 4); */
#line 3 "text.bt"
	__u64 value_0;
	struct string_5 value_1;
	__builtin_memset(value_1.data, 0, 5);
	__builtin_memcpy(value_1.data, "bash", 4);
	value_0 = (__u64)!string_equal((*v_s).data, value_1.data, 4);
	map_n_update(ctx, &value_0, 0);
	/* @l = strlen($s); */
#line 4 "text.bt"
	__u64 value_2;
	value_2 = text_length((*v_s).data, 16);
	map_l_update(ctx, &value_2, 1);
	/* @f = strstr($s, "sh"); */
#line 5 "text.bt"
	__s64 value_3;
	struct string_3 value_4;
	__builtin_memset(value_4.data, 0, 3);
	__builtin_memcpy(value_4.data, "sh", 2);
	value_3 = text_find((*v_s).data, 16, value_4.data, 2);
	map_f_update(ctx, &value_3, 2);
	/* @c = strcontains($s, "sh"); */
#line 6 "text.bt"
	_Bool value_5;
	struct string_3 value_6;
	__builtin_memset(value_6.data, 0, 3);
	__builtin_memcpy(value_6.data, "sh", 2);
	value_5 = (text_find((*v_s).data, 16, value_6.data, 2) >= 0);
	map_c_update(ctx, &value_5, 3);
	/* @j = str_concat($s, "-x"); */
#line 7 "text.bt"
	clear_bytes(scratch->value_7.data, 1024);
	struct string_3 value_8;
	__builtin_memset(value_8.data, 0, 3);
	__builtin_memcpy(value_8.data, "-x", 2);
	struct string_19 aside_0;
	text_join(aside_0.data, (*v_s).data, 16, value_8.data, 3); bpf_probe_read_kernel(scratch->value_7.data, 19, aside_0.data);
	map_j_update(ctx, &scratch->value_7, 4);
	/* @m = memcmp($s, "ba", 2); */
#line 8 "text.bt"
	__s32 value_9;
	struct string_3 value_10;
	__builtin_memset(value_10.data, 0, 3);
	__builtin_memcpy(value_10.data, "ba", 2);
	value_9 = bytes_compare(&(*v_s), &value_10, 2, 2);
	map_m_update(ctx, &value_9, 5);
	/* @e = strerror(2); */
#line 9 "text.bt"
	__builtin_memset(scratch->value_11.data, 0, 64);
	__builtin_memcpy(scratch->value_11.data, "No such file or directory", 25);
	map_e_update(ctx, &scratch->value_11, 6);
	return 0;
}

/* begin */
int probe_0(void *ctx)
{
	struct scratch_slot *slot;
	int result;

	ledger_add(1);
	slot = scratch_enter(2);
	if (!slot)
		return 0;
	result = probe_0_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}

struct probe_1_record {
	__u8 before_0[24];
	__u64 filename;
};
struct probe_1_scratch {
	__u64 busy;
	struct string_33 value_0 __attribute__((aligned(8)));
};

static __always_inline int probe_1_body(struct probe_1_record *ctx, struct probe_1_scratch *scratch)
{
	/* @short[strlen(str(args.filename, 32))] = count(); */
#line 13 "text.bt"
	__u64 key_0;
	__builtin_memset(scratch->value_0.data, 0, 33);
	bpf_probe_read_user_str(scratch->value_0.data, 32, (void *)((__u64)ctx->filename));
	key_0 = text_length(scratch->value_0.data, 33);
	struct count *slot_0 = map_short_slot(ctx, &key_0, 7);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 1;
}

/* tracepoint:syscalls:sys_enter_openat */
int probe_1(struct probe_1_record *ctx)
{
	struct scratch_slot *slot;
	int result;

	if (!active())
		return 1;
	ledger_add(3);
	slot = scratch_enter(4);
	if (!slot)
		return 1;
	result = probe_1_body(ctx, (void *)slot);
	__sync_fetch_and_add(&slot->busy, -1);
	return result;
}
