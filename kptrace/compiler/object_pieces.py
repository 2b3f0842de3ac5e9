# SPDX-License-Identifier: MIT
"""C helper functions about objects of the kernel: processes, sockets."""

from __future__ import annotations

MAX_PID_LEVELS = 32
"""MAX_PID_NS_LEVEL, include/linux/pid_namespace.h (3.7 and later)."""
_MAX_NODES = 8
"""Nodes on the way to an id of 31 bits, also where a node has only 16 slots (CONFIG_BASE_SMALL)."""

OUTSIDE = 1
"""What `TASK_OF_PROCESS` gives for a task where it cannot look: no address of one."""

SOCKET_COOKIE = """\
/* A field that leads to a socket may be null; newer verifiers insist on the question. */
static __always_inline __u64 socket_cookie(void *socket)
{
	return socket ? bpf_get_socket_cookie(socket) : 0;
}
"""

TASK_OF_PROCESS = f"""\
/* Where the kernel keeps processes by id: offsets in its structures, in bytes. */
struct process_index {{
	__u64 thread_pid;
	__u64 real_parent;
	__u64 pid_links;
	__u64 level;
	__u64 tasks;
	__u64 numbers;
	__u64 nr;
	__u64 ns;
	__u64 inum;
	__u64 head;
	__u64 shift;
	__u64 slots;
	__u64 mask; /* of a slot's number */
}};

struct process_number {{
	__s32 nr;
	void *ns;
}};

static __always_inline __u64 kernel_u64(__u64 address)
{{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}}

static __always_inline __u32 kernel_u32(__u64 address)
{{
	__u32 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), (void *)address);
	return value;
}}

/*
 * The task with an id in a pid namespace, named by its inode (0: the initial one); 0 for none. A
 * namespace is found by way of the current process; {OUTSIDE} where that is not in it.
 *
 * The index is a tree whose inner nodes are marked by bit 1 of their address. It may change while
 * it is read, so what is found must say itself that it has the id.
 */
static __always_inline __u64 task_of_process(__s64 wanted, __u32 inode, struct process_index at)
{{
	__u64 task = bpf_get_current_task();
	__u64 pid = kernel_u64(task + at.thread_pid);
	__u64 number, ns, entry;
	__u32 level = 0, last;
	__u8 shift;

	if (wanted <= 0 || wanted > 0x7fffffff)
		return 0;
	if (!pid) /* the current process is all but gone */
		pid = kernel_u64(kernel_u64(task + at.real_parent) + at.thread_pid);
	number = pid + at.numbers;
	ns = kernel_u64(number + at.ns);
	if (inode) {{
		last = kernel_u32(pid + at.level);
		for (; level < {MAX_PID_LEVELS}; level++) {{
			if (level > last)
				return {OUTSIDE};
			ns = kernel_u64(number + level * sizeof(struct process_number) + at.ns);
			if (kernel_u32(ns + at.inum) == inode)
				break;
		}}
	}}
	entry = kernel_u64(ns + at.head);
	for (int i = 0; i < {_MAX_NODES}; i++) {{
		if ((entry & 3) != 2)
			break;
		entry &= ~3ULL;
		shift = 0;
		bpf_probe_read_kernel(&shift, sizeof(shift), (void *)(entry + at.shift));
		entry = kernel_u64(entry + at.slots + (wanted >> (shift & 31) & at.mask) * 8);
		if (!shift)
			break;
	}}
	if (!entry || entry & 3)
		return 0;
	number = entry + at.numbers + level * sizeof(struct process_number);
	if (kernel_u32(number + at.nr) != wanted || kernel_u64(number + at.ns) != ns)
		return 0;
	task = kernel_u64(entry + at.tasks);
	return task ? task - at.pid_links : 0;
}}
"""
