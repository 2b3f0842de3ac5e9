/* strings.bt: made by kptrace; SPDX-License-Identifier: GPL */
typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
};
#define BPF_F_CURRENT_CPU 0xffffffffULL

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_get_current_comm)(void *to, __u32 size) = (void *)16;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_user_str)(void *to, __u32 size, const void *from) = (void *)114;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_16 {
	char data[16];
};

struct string_4 {
	char data[4];
};

struct string_3 {
	char data[3];
};

struct string_33 {
	char data[33];
};

struct count {
	__u64 n;
};

struct string_23 {
	char data[23];
};

struct string_7 {
	char data[7];
};

struct string_1024 {
	char data[1024];
};

struct event_4 {
	struct event_header header;
	struct string_33 arg0;
	struct string_3 arg1;
};

struct path___k {
	void *dentry;
} __attribute__((preserve_access_index));

struct file___k {
	struct path___k f_path;
} __attribute__((preserve_access_index));

struct qstr___k {
	void *name;
} __attribute__((preserve_access_index));

struct dentry___k {
	struct qstr___k d_name;
} __attribute__((preserve_access_index));

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} events SEC(".maps");

static __always_inline long output(void *ctx, void *event, __u32 size)
{
	return bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, event, size);
}

struct scratch_slot {
	__u64 busy;
	__u64 words[138];
};

struct zeros {
	__u64 words[1];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 6);
	__type(key, __u32);
	__type(value, __u64);
} ledger SEC(".maps");

static __always_inline __u64 *ledger_at(__u32 *index)
{
	return bpf_map_lookup_elem(&ledger, index);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} control SEC(".maps");

static __always_inline __u32 *control_at(__u32 *index)
{
	return bpf_map_lookup_elem(&control, index);
}

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct scratch_slot);
} scratch SEC(".maps");

static __always_inline struct scratch_slot *scratch_at(__u32 *index)
{
	return bpf_map_lookup_elem(&scratch, index);
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct zeros);
} zeros SEC(".maps");

static __always_inline struct zeros *zeros_at(__u32 *index)
{
	return bpf_map_lookup_elem(&zeros, index);
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

/* @names */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_33);
	__type(value, struct count);
} map_names SEC(".maps");

static __always_inline void map_names_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(3) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_names_slot(void *ctx, struct string_33 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_names, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_names, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_names, key);
	if (!slot)
		map_names_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_names_delete(struct string_33 *key)
{
	return bpf_map_delete_elem(&map_names, key);
}

/* @short */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct string_23);
} map_short SEC(".maps");

static __always_inline void map_short_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(4) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct string_23 *map_short_lookup(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_short, &zero);
}

static __always_inline void map_short_update(void *ctx, struct string_23 *value, __u32 warning)
{
	__u32 zero = 0;
	int result = bpf_map_update_elem(&map_short, &zero, value, BPF_ANY);

	if (result)
		map_short_full(ctx, warning, result);
}

static __always_inline long map_short_delete(void)
{
	__u32 zero = 0;

	return bpf_map_delete_elem(&map_short, &zero);
}

/* @user */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct string_1024);
	__type(value, struct count);
} map_user SEC(".maps");

static __always_inline void map_user_full(void *ctx, __u32 warning, int result)
{
	if (ledger_add(5) == 1)
		warn_failed(ctx, warning, result);
}

static __always_inline struct count *map_user_slot(void *ctx, struct string_1024 *key, __u32 warning)
{
	__u32 index = 0;
	struct count *slot = bpf_map_lookup_elem(&map_user, key);
	struct zeros *zero_value;
	int result;

	if (slot)
		return slot;
	zero_value = zeros_at(&index);
	if (!zero_value)
		return (void *)0;
	result = bpf_map_update_elem(&map_user, key, (struct count *)zero_value, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&map_user, key);
	if (!slot)
		map_user_full(ctx, warning, result);
	return slot;
}

static __always_inline long map_user_delete(struct string_1024 *key)
{
	return bpf_map_delete_elem(&map_user, key);
}

struct probe_0_scratch {
	__u64 busy;
	struct string_33 in_v_name__0 __attribute__((aligned(8)));
	struct string_33 key_0 __attribute__((aligned(8)));
	struct string_1024 key_1 __attribute__((aligned(8)));
};

static __always_inline int probe_0_body(__u64 *ctx, struct probe_0_scratch *scratch)
{
	/* if comm == "cat" || comm != "dd" */
#line 2 "strings.bt"
	struct string_16 value_0;
	__builtin_memset(value_0.data, 0, 16);
	bpf_get_current_comm(value_0.data, 16);
	struct string_4 value_1;
	__builtin_memset(value_1.data, 0, 4);
	__builtin_memcpy(value_1.data, "cat", 3);
	_Bool condition_0 = (string_equal(value_0.data, value_1.data, 4));
	if (!condition_0) {
		struct string_16 value_2;
		__builtin_memset(value_2.data, 0, 16);
		bpf_get_current_comm(value_2.data, 16);
		struct string_3 value_3;
		__builtin_memset(value_3.data, 0, 3);
		__builtin_memcpy(value_3.data, "dd", 2);
		condition_0 = (!string_equal(value_2.data, value_3.data, 3));
	}
	if (condition_0) {
		/* $name = str(args.file.f_path.dentry.d_name.name, 32); */
#line 3 "strings.bt"
		__u64 dentry_0 = 0;
		bpf_probe_read_kernel(&dentry_0, sizeof(dentry_0), &((struct file___k *)(ctx[14]))->f_path.dentry);
		__u64 name_0 = 0;
		bpf_probe_read_kernel(&name_0, sizeof(name_0), &((struct dentry___k *)(dentry_0))->d_name.name);
		__builtin_memset(scratch->in_v_name__0.data, 0, 33);
		bpf_probe_read_kernel_str(scratch->in_v_name__0.data, 32, (void *)(name_0));
		/* @names[$name] = count(); */
#line 4 "strings.bt"
		__builtin_memcpy(scratch->key_0.data, scratch->in_v_name__0.data, 33);
		struct count *slot_0 = map_names_slot(ctx, &scratch->key_0, 0);
		if (slot_0) {
			slot_0->n += 1;
		}
		/* @short = $name == "passwd" ? "yes" : "no"; */
#line 5 "strings.bt"
		struct string_23 value_4;
		struct string_7 value_5;
		__builtin_memset(value_5.data, 0, 7);
		__builtin_memcpy(value_5.data, "passwd", 6);
		if ((string_equal(scratch->in_v_name__0.data, value_5.data, 7))) {
			__builtin_memset(value_4.data, 0, 23);
			__builtin_memcpy(value_4.data, "yes", 3);
		} else {
			__builtin_memset(value_4.data, 0, 23);
			__builtin_memcpy(value_4.data, "no", 2);
		}
		map_short_update(ctx, &value_4, 1);
		/* @short = "longer\tone \"quoted\" \x01\xff"; */
#line 6 "strings.bt"
		struct string_23 value_6;
		__builtin_memset(value_6.data, 0, 23);
		__builtin_memcpy(value_6.data, "longer\011one \"quoted\" \001\377", 22);
		map_short_update(ctx, &value_6, 2);
		/* @user[str(args.buf, args.count)] = count(); */
#line 7 "strings.bt"
		__u64 length_0 = ctx[12];
		if (length_0 > 1024)
			length_0 = 1024;
		clear_bytes(scratch->key_1.data, 1024);
		bpf_probe_read_user_str(scratch->key_1.data, length_0, (void *)(ctx[13]));
		struct count *slot_1 = map_user_slot(ctx, &scratch->key_1, 3);
		if (slot_1) {
			slot_1->n += 1;
		}
		/* printf("%s %-8s|\n", $name, "é") */
#line 8 "strings.bt"
		struct event_4 event_0;
		__builtin_memset(&event_0, 0, sizeof(event_0));
		__builtin_memcpy(event_0.arg0.data, scratch->in_v_name__0.data, 33);
		__builtin_memset(event_0.arg1.data, 0, 3);
		__builtin_memcpy(event_0.arg1.data, "\303\251", 2);
		event_0.header.time = bpf_ktime_get_ns();
		event_0.header.id = 4;
		event_0.header.unused = 0;
		send(ctx, &event_0, sizeof(event_0));
	}
	return 0;
}

/* kprobe:vfs_read */
SEC("kprobe")
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

char LICENSE[] SEC("license") = "GPL";
