// SPDX-License-Identifier: MIT
#include "bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} result SEC(".maps");

SEC("tp/raw_syscalls/sys_enter")
int enter(void *ctx)
{
	u32 zero = 0;
	u64 *count = bpf_map_lookup_elem(&result, &zero);

	if (count)
		*count += 1;
	return 0;
}
