# SPDX-License-Identifier: MIT
"""Hooks of memory: slab and page allocation, reclaim, page cache, faults, OOM.

Sources: `*_noprof` functions since Linux 6.10; raw `kmem_cache_alloc` passes its cache since 6.1
(11e9734bcb6a); raw `mm_vmscan_*_reclaim_begin` changed its order in 7.1: BTF names tell it.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Hook, candidate

_READS = ("filemap_read", "generic_file_buffered_read")
"""Renamed in 5.12 (87fa0f3eb267)."""

HOOKS = (
    Hook(
        name="mm:kmalloc",
        summary="kernel memory is allocated by size; bytes is what it takes",
        args={"ptr": "uint64", "bytes": "uint64", "requested": "uint64", "caller": "uint64"},
        candidates=tuple(
            candidate(
                *points,
                ptr="args.ptr",
                bytes="args.bytes_alloc",
                requested="args.bytes_req",
                caller="args.call_site",
            )
            # kmalloc_node was an event of its own until 6.0
            for points in (
                ("tracepoint:kmem:kmalloc", "tracepoint:kmem:kmalloc_node"),
                ("tracepoint:kmem:kmalloc",),
            )
        ),
    ),
    Hook(
        name="mm:kfree",
        summary="kernel memory that was allocated by size is given back",
        args={"ptr": "uint64", "caller": "uint64"},
        candidates=(
            candidate(
                "tracepoint:kmem:kfree",
                ptr="args.ptr",
                caller="args.call_site",
            ),
        ),
    ),
    Hook(
        name="mm:slab_alloc",
        summary="an object is taken from a slab cache",
        args={"ptr": "uint64", "bytes": "uint64", "caller": "uint64"},
        candidates=tuple(
            candidate(
                *points,
                ptr="args.ptr",
                bytes="args.bytes_alloc",
                caller="args.call_site",
            )
            for points in (
                ("tracepoint:kmem:kmem_cache_alloc", "tracepoint:kmem:kmem_cache_alloc_node"),
                ("tracepoint:kmem:kmem_cache_alloc",),
            )
        ),
    ),
    Hook(
        name="mm:slab_free",
        summary="an object goes back to its slab cache",
        args={"ptr": "uint64", "caller": "uint64"},
        candidates=(
            candidate(
                "tracepoint:kmem:kmem_cache_free",
                ptr="args.ptr",
                caller="args.call_site",
            ),
        ),
    ),
    Hook(
        name="mm:page_alloc",
        summary="2^order pages are allocated",
        args={"order": "uint32", "gfp": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:mm_page_alloc",
                where="args.page != 0",  # none: the request failed
                order="args.order",
                gfp="args.gfp_flags",
            ),
        ),
    ),
    Hook(
        name="mm:page_free",
        summary="2^order pages are freed",
        args={"order": "uint32"},
        candidates=(candidate("rawtracepoint:mm_page_free", order="args.order"),),
    ),
    Hook(
        name="mm:reclaim_begin",
        summary="a task has to free memory before it gets any",
        args={"order": "int32", "gfp": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:mm_vmscan_direct_reclaim_begin",
                order="args.order",
                gfp="args.gfp_flags",
            ),
        ),
    ),
    Hook(
        name="mm:reclaim_end",
        summary="a task has freed what it could",
        args={"reclaimed": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:mm_vmscan_direct_reclaim_end",
                reclaimed="args.nr_reclaimed",
            ),
        ),
    ),
    Hook(
        name="mm:memcg_reclaim_begin",
        summary="a task has to free memory of a cgroup before the cgroup gets any",
        args={"order": "int32", "gfp": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:mm_vmscan_memcg_reclaim_begin",
                order="args.order",
                gfp="args.gfp_flags",
            ),
        ),
    ),
    Hook(
        name="mm:memcg_reclaim_end",
        summary="a task has freed what it could of a cgroup's memory",
        args={"reclaimed": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:mm_vmscan_memcg_reclaim_end",
                reclaimed="args.nr_reclaimed",
            ),
        ),
    ),
    Hook(
        name="mm:charge_fail",
        summary="memory cannot be charged to a cgroup: its limit, after reclaim",
        args={},
        candidates=tuple(
            candidate(f"kretprobe:{name}", where="(int32)retval < 0")
            # 5.13 renamed it (c74d40e8b5e2)
            for name in ("try_charge_memcg", "try_charge")
        ),
    ),
    Hook(
        name="mm:cache_read",
        summary="a buffered read of a file starts",
        args={"file": "struct file *"},
        candidates=tuple(
            candidate(f"kprobe:{name}", file="((struct kiocb *)arg0).ki_filp") for name in _READS
        ),
    ),
    Hook(
        name="mm:cache_read_done",
        summary="a buffered read of a file ends; ret is the bytes done, or minus the error",
        args={"ret": "int64"},
        candidates=tuple(candidate(f"kretprobe:{name}", ret="retval") for name in _READS),
    ),
    Hook(
        name="mm:cache_miss",
        summary="a task needs pages that are not in the page cache: it reads them in, and more",
        args={},
        candidates=(
            candidate("kprobe:page_cache_sync_ra"),
            candidate("kprobe:page_cache_sync_readahead"),
        ),
    ),
    Hook(
        name="mm:cache_add",
        summary="a page, or a folio of several, enters the page cache",
        args={"page": "uint64", "dev": "uint32", "ino": "uint64", "index": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:mm_filemap_add_to_page_cache",
                # a folio since 5.16 (a0580c6f9bab)
                page=("args.folio", "args.page"),
                dev=tuple(f"args.{one}.mapping.host.i_sb.s_dev" for one in ("folio", "page")),
                ino=tuple(f"args.{one}.mapping.host.i_ino" for one in ("folio", "page")),
                index=tuple(f"args.{one}.index" for one in ("folio", "page")),
            ),
        ),
    ),
    Hook(
        name="mm:cache_access",
        summary="a page, or folio, of the page cache is used, by something else than a mapping",
        args={"page": "uint64"},
        candidates=(
            # mark_page_accessed stays as a wrapper that the main path no longer uses
            candidate("kprobe:folio_mark_accessed", page="arg0"),
            candidate("kprobe:mark_page_accessed", page="arg0"),
        ),
    ),
    Hook(
        name="mm:page_dirty",
        summary="a page of the page cache becomes dirty",
        args={"ino": "uint64", "index": "uint64"},
        candidates=tuple(
            candidate(
                f"tracepoint:writeback:writeback_dirty_{what}", ino="args.ino", index="args.index"
            )
            for what in ("folio", "page")
        ),
    ),
    Hook(
        name="mm:fault",
        summary="the kernel serves a page fault",
        args={"vma": "struct vm_area_struct *", "address": "uint64", "flags": "uint32"},
        candidates=(candidate("kprobe:handle_mm_fault", vma="arg0", address="arg1", flags="arg2"),),
    ),
    Hook(
        name="mm:fault_done",
        summary="a page fault is served; retry: not yet, it will be tried again",
        args={"major": "bool", "retry": "bool", "error": "bool"},
        candidates=(
            candidate(
                "kretprobe:handle_mm_fault",
                # enum vm_fault_reason; VM_FAULT_ERROR is of several bits
                major="(retval & 0x4) != 0",
                retry="(retval & 0x400) != 0",
                error="(retval & 0x873) != 0",
            ),
        ),
    ),
    Hook(
        name="mm:oom_victim",
        summary="the kernel kills a process for want of memory",
        args={"pid": "uint32"},
        candidates=(candidate("tracepoint:oom:mark_victim", pid="args.pid"),),
    ),
)
