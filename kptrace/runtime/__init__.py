# SPDX-License-Identifier: MIT
"""Plan and C (or an object) become records. Needs privileges.

In: a `plan.Plan` with BPF object bytes (core dialect) or C text (BCC dialect). Out: event records
in time order, map contents, and counters of what was lost. It does not decode values, print, or
decide when a run ends; that is the session's part.

::

    syscall         the two system calls that libc has no wrapper for
    uapi bpf        bpf(2): maps, programs, links, test runs
    perf_event      perf_event_open(2): events, their attributes and ioctls
    cpus            which CPUs there are
    features        what this kernel can do, found out by doing it
    mechanism       how each program will attach; decided before loading
    loaded          what both loaders return: file descriptors by name
    libbpf_loader   object bytes -> Loaded; verifier: why the kernel refused
    bcc_loader      C text -> Loaded, in a child process; bcc_errors: what it complained about
    attach          Loaded -> attached, all or nothing; tracefs_probes: the fallback;
                    refusals: why the kernel said no
    perf            per-CPU perf rings -> their bytes and records (perf_records: the decoding)
    maps            map file descriptors -> bytes
    user_symbols    addresses in processes -> symbols of the ELF files that they map
    ledger          everything that counts a loss -> one ledger
"""
