# SPDX-License-Identifier: MIT
"""The peer of ``processes.py`` with BCC, for the distribution's Python: attach and end."""

from bcc import BPF

TEXT = """
struct key { char comm[16]; };
BPF_HASH(counts, struct key, u64);
TRACEPOINT_PROBE(sched, sched_switch)
{
    struct key key = {};
    __builtin_memcpy(key.comm, args->next_comm, sizeof key.comm);
    counts.increment(key);
    return 0;
}
"""

BPF(text=TEXT)
print("ready", flush=True)
