# SPDX-License-Identifier: MIT
"""Hooks of block I/O. A request is the same object in every hook: its address pairs them.

Sources: `block_io_start` and `block_io_done` since Linux 6.5 (5a80bd075f3b); raw `block_rq_*`
lost their queue argument in 5.11 (a54895fa057c); BTF names the arguments, so both read alike.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Expressions, Hook, candidate

_REQUEST = {
    "rq": "struct request *",
    "dev": "uint32",
    "disk": "string",
    "sector": "uint64",
    "bytes": "uint32",
    "op": "uint8",
    "flags": "uint32",
}


def _request(rq: str) -> dict[str, Expressions]:
    """The arguments that are read from a request; ``dev`` is the disk's, as the kernel keeps it."""
    # request_queue.disk since 5.17 (f3fa33acca9f); before, a request had its own
    disks = [f"{rq}.{place}" for place in ("q.disk", "rq_disk")]
    return {
        "rq": rq,
        "dev": tuple(f"({one}.major << 20) | {one}.first_minor" for one in disks),
        "disk": tuple(f"{one}.disk_name" for one in disks),
        "sector": f"{rq}.__sector",
        "bytes": f"{rq}.__data_len",
        "op": f"{rq}.cmd_flags & 0xff",
        "flags": f"{rq}.cmd_flags",
    }


def _ended(rq: str) -> dict[str, Expressions]:
    """The same of a request that has ended: of its bytes none are left."""
    return {name: one for name, one in _request(rq).items() if name != "bytes"}


_ARG0 = "((struct request *)arg0)"
_WHOLE = "args.nr_bytes >= args.rq.__data_len"
"""A completion of the last part of a request."""
_ACCOUNTED = "args.rq.part != 0 && (args.rq.rq_flags & 16) == 0"  # RQF_FLUSH_SEQ
"""What /proc/diskstats counts: a partition was charged, and it is no step of a flush."""

HOOKS = (
    Hook(
        name="block:bio_queue",
        summary="a bio enters the block layer, before it is split or merged",
        args={"bio": "struct bio *", "sector": "uint64", "bytes": "uint32", "flags": "uint32"},
        candidates=(
            candidate(
                "rawtracepoint:block_bio_queue",
                bio="args.bio",
                sector="args.bio.bi_iter.bi_sector",
                bytes="args.bio.bi_iter.bi_size",
                flags="args.bio.bi_opf",
            ),
            candidate(
                "kprobe:submit_bio_noacct",
                bio="arg0",
                sector="((struct bio *)arg0).bi_iter.bi_sector",
                bytes="((struct bio *)arg0).bi_iter.bi_size",
                flags="((struct bio *)arg0).bi_opf",
            ),
        ),
    ),
    Hook(
        name="block:io_start",
        summary="a request begins that /proc/diskstats will count",
        args=_REQUEST,
        candidates=(
            candidate("rawtracepoint:block_io_start", values=_request("args.rq")),
            candidate("kprobe:__blk_account_io_start", values=_request(_ARG0)),
            candidate("kprobe:blk_account_io_start", values=_request(_ARG0)),
        ),
    ),
    Hook(
        name="block:io_insert",
        summary="a request enters the I/O scheduler; none where there is no scheduler",
        args=_REQUEST,
        candidates=(candidate("rawtracepoint:block_rq_insert", values=_request("args.rq")),),
    ),
    Hook(
        name="block:io_issue",
        summary="a request goes to the driver; again after each requeue",
        args=_REQUEST,
        candidates=(
            candidate("rawtracepoint:block_rq_issue", values=_request("args.rq")),
            candidate("kprobe:blk_mq_start_request", values=_request(_ARG0)),
        ),
    ),
    Hook(
        name="block:io_complete",
        summary="a part of a request, or all of it, is done",
        args={**_REQUEST, "error": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:block_rq_complete",
                values={**_request("args.rq"), "bytes": "args.nr_bytes", "error": "args.error"},
            ),
            candidate(
                "kprobe:blk_update_request",
                note="does not see what is completed in batches",
                values={**_request(_ARG0), "bytes": "arg2", "error": "arg1"},
            ),
        ),
    ),
    Hook(
        name="block:io_done",
        summary="a request ends that /proc/diskstats counts",
        args={name: kind for name, kind in _REQUEST.items() if name != "bytes"},
        candidates=(
            candidate("rawtracepoint:block_io_done", values=_ended("args.rq")),
            candidate(
                "rawtracepoint:block_rq_complete",
                where=f"{_WHOLE} && {_ACCOUNTED}",
                values=_ended("args.rq"),
            ),
        ),
    ),
    Hook(
        name="block:io_requeue",
        summary="a driver gives a request back",
        args=_REQUEST,
        candidates=(candidate("rawtracepoint:block_rq_requeue", values=_request("args.rq")),),
    ),
)
