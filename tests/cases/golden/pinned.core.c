/* pinned.bt: made by kptrace; SPDX-License-Identifier: GPL */
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
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static long (*bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static long (*bpf_seq_printf)(void *file, const char *format, __u32 size, const void *data, __u32 length) = (void *)126;
static long (*bpf_seq_write)(void *file, const void *data, __u32 size) = (void *)127;

struct event_header {
	__u64 time;
	__u32 id;
	__u32 unused;
};

struct string_30 {
	char data[30];
};

struct string_16 {
	char data[16];
};

struct string_17 {
	char data[17];
};

struct string_10 {
	char data[10];
};

struct string_5 {
	char data[5];
};

struct count {
	__u64 n;
};

struct task_struct___k {
	char comm[16];
	__s32 pid;
	__s32 tgid;
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

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
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

struct seq_file___room {
	__u64 size;
	__u64 count;
} __attribute__((preserve_access_index));

/* What reading an iterator gives has no room for one more object: it will be shown again. */
static __always_inline _Bool no_room(__u64 *ctx, __u64 need)
{
	struct seq_file___room *file = *(void **)ctx[0];

	return file->count && file->size - file->count <= need;
}

/* An event of an iterator goes to whoever reads it; records follow each other, so say how long. */
static __always_inline void send_iter(__u64 *ctx, void *event, __u32 size)
{
	struct event_header *header = event;

	header->unused = size;
	bpf_seq_write(*(void **)ctx[0], event, size);
}

/* @seen */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct count);
} map_seen SEC(".maps");

static __always_inline struct count *map_seen_slot(void *ctx)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&map_seen, &zero);
}

/* iter:task:tasks */
SEC("iter")
int probe_0(__u64 *ctx)
{
	__u64 iterated_1 = ctx[1];
	if (!iterated_1)
		return 0;
	ledger_add(1);
	/* printf("%-16s %5d %x %p %c%%\n", ctx.task.comm, ctx.task.pid, ctx.task.tgid, ctx.task, 65) */
#line 3 "pinned.bt"
	struct string_30 value_0;
	__builtin_memset(value_0.data, 0, 30);
	__builtin_memcpy(value_0.data, "%-16s %5lld %llx 0x%llx %c%%\012", 29);
	struct string_16 value_1;
	struct string_17 text_0;
	__builtin_memset(text_0.data, 0, 17);
	bpf_probe_read_kernel_str(text_0.data, 17, &((struct task_struct___k *)(((__u64)iterated_1)))->comm);
	__builtin_memcpy(value_1.data, text_0.data, 16);
	__s32 pid_0 = 0;
	bpf_probe_read_kernel(&pid_0, sizeof(pid_0), &((struct task_struct___k *)(((__u64)iterated_1)))->pid);
	__s32 tgid_0 = 0;
	bpf_probe_read_kernel(&tgid_0, sizeof(tgid_0), &((struct task_struct___k *)(((__u64)iterated_1)))->tgid);
	__s64 result_0 = bpf_seq_printf(*(void **)*(__u64 *)ctx, value_0.data, 30, (__u64[]){(__u64)value_1.data, (__u64)(__s32)pid_0, (__u64)(__u32)tgid_0, (__u64)((__u64)iterated_1), (__u64)65}, 40);
	(void)result_0;
	/* printf("%s %s\n", ksym(1), pid) */
#line 4 "pinned.bt"
	struct string_10 value_2;
	__builtin_memset(value_2.data, 0, 10);
	__builtin_memcpy(value_2.data, "%ps %llu\012", 9);
	__s64 result_1 = bpf_seq_printf(*(void **)*(__u64 *)ctx, value_2.data, 10, (__u64[]){(__u64)((__u64)1), (__u64)(__u32)(bpf_get_current_pid_tgid() >> 32)}, 16);
	(void)result_1;
	/* printf("end\n") */
#line 5 "pinned.bt"
	struct string_5 value_3;
	__builtin_memset(value_3.data, 0, 5);
	__builtin_memcpy(value_3.data, "end\012", 4);
	__s64 result_2 = bpf_seq_printf(*(void **)*(__u64 *)ctx, value_3.data, 5, (void *)0, 0);
	(void)result_2;
	return 0;
}

/* iter:task:/sys/fs/bpf/other */
SEC("iter")
int probe_1(__u64 *ctx)
{
	__u64 iterated_1 = ctx[1];
	if (!iterated_1)
		return 0;
	ledger_add(2);
	/* @seen = count(); */
#line 7 "pinned.bt"
	struct count *slot_0 = map_seen_slot(ctx);
	if (slot_0) {
		slot_0->n += 1;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
