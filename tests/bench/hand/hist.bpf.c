// SPDX-License-Identifier: MIT
#include "bpf.h"

struct hist {
	u64 slots[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct hist);
} result SEC(".maps");

SEC("tp/raw_syscalls/sys_enter")
int enter(struct sys_enter *ctx)
{
	u32 zero = 0;
	u64 slot = log2(ctx->id) & 63;
	struct hist *hist = bpf_map_lookup_elem(&result, &zero);

	if (hist)
		hist->slots[slot] += 1;
	return 0;
}
