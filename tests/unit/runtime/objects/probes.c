/* SPDX-License-Identifier: MIT
 *
 * One program of each kind that needs no kprobe. Those on system calls count the getppid calls
 * (system call number GETPPID) of the process in the map "target".
 */
#include "core.h"

enum { COUNT_TRACEPOINT, COUNT_RAW, COUNT_TICKS, COUNT_REFUSED, COUNT_MAP_FULL };
enum { EVENT_BEGIN, EVENT_CALL, EVENT_TICK, EVENT_END };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 4);
	__type(key, u64);
	__type(value, u64[2]);
} calls SEC(".maps");

static u64 serial;

struct call_event {
	struct header header;
	u64 number; /* 1 to 8, in turn */
	u32 tid;
};

static inline int is_target(void)
{
	u32 zero = 0;
	u32 *pid = bpf_map_lookup_elem(&target, &zero);

	return pid && *pid == bpf_get_current_pid_tgid() >> 32;
}

SEC("raw_tp") int begin(void *ctx)
{
	struct header event = { .time = bpf_ktime_get_ns(), .event = EVENT_BEGIN };

	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, sizeof(event));
	return 0;
}

SEC("raw_tp") int end(void *ctx)
{
	struct header event = { .time = bpf_ktime_get_ns(), .event = EVENT_END };

	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, sizeof(event));
	return 0;
}

struct sys_enter {
	u64 common;
	s64 id;
};

SEC("tracepoint") int on_tracepoint(struct sys_enter *ctx)
{
	struct call_event event = {};
	u64 key, one[2] = { 1, 0 }, *value;

	if (ctx->id != GETPPID || !active() || !is_target())
		return 0;
	count(COUNT_TRACEPOINT);
	event.header.time = bpf_ktime_get_ns();
	event.header.event = EVENT_CALL;
	event.tid = bpf_get_current_pid_tgid();
	event.number = (serial++ & 7) + 1;
	if (bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, 28))
		count(COUNT_REFUSED);
	key = event.number;
	value = bpf_map_lookup_elem(&calls, &key);
	if (value)
		value[0]++;
	else if (bpf_map_update_elem(&calls, &key, one, 0))
		count(COUNT_MAP_FULL);
	return 0;
}

SEC("raw_tp") int on_raw(u64 *ctx)
{
	if (ctx[1] == GETPPID && active() && is_target())
		count(COUNT_RAW);
	return 0;
}

SEC("perf_event") int on_tick(void *ctx)
{
	struct header event = { .event = EVENT_TICK };

	if (!active())
		return 0;
	event.time = bpf_ktime_get_ns();
	count(COUNT_TICKS);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &event, sizeof(event));
	return 0;
}
