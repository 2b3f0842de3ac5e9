/* SPDX-License-Identifier: MIT */
/* What libbpf-dev and a vmlinux.h would bring: the benchmark needs neither package. */
typedef unsigned int u32;
typedef unsigned long long u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_F_NO_PREALLOC = 1,
};

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static void *(*bpf_task_storage_get)(void *map, void *task, void *value, u64 flags) = (void *)156;
static void *(*bpf_get_current_task_btf)(void) = (void *)158;

struct sys_enter {
	u64 common;
	long id;
};

/* floor(log2(value)), 0 of 0 */
static inline __attribute__((always_inline)) u64 log2(u64 value)
{
	u64 bit = (value > 0xffffffff) << 5, shift;

	value >>= bit;
	shift = (value > 0xffff) << 4;
	value >>= shift;
	bit |= shift;
	shift = (value > 0xff) << 3;
	value >>= shift;
	bit |= shift;
	shift = (value > 0xf) << 2;
	value >>= shift;
	bit |= shift;
	shift = (value > 0x3) << 1;
	value >>= shift;
	bit |= shift;
	return bit | value >> 1;
}

char LICENSE[] SEC("license") = "GPL";
