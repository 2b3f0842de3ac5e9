// SPDX-License-Identifier: MIT
// The start of each thread's call is the thread's own, as in the best of the field.
#include "bpf.h"

struct hist {
	u64 slots[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, u64);
} starts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct hist);
} result SEC(".maps");

SEC("tp/raw_syscalls/sys_enter")
int enter(void *ctx)
{
	u64 *start = bpf_task_storage_get(&starts, bpf_get_current_task_btf(), 0,
					  BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (start)
		*start = bpf_ktime_get_ns();
	return 0;
}

SEC("tp/raw_syscalls/sys_exit")
int leave(void *ctx)
{
	u64 *start = bpf_task_storage_get(&starts, bpf_get_current_task_btf(), 0, 0);
	u64 slot;
	u32 zero = 0;
	struct hist *hist;

	if (!start || !*start)
		return 0;
	slot = log2(bpf_ktime_get_ns() - *start) & 63;
	*start = 0;
	hist = bpf_map_lookup_elem(&result, &zero);
	if (hist)
		hist->slots[slot] += 1;
	return 0;
}
