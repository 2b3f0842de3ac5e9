# SPDX-License-Identifier: MIT
"""Hooks of block I/O. A request is the same object in every hook: its address pairs them.

Sources: `block_io_start` and `block_io_done` since Linux 6.5 (5a80bd075f3b); raw `block_rq_*`
lost their queue argument in 5.11 (a54895fa057c); BTF names the arguments, so both read alike.
Bits of `request.rq_flags` are an enum since 6.11 (5f89154e8e9e); before, macros that BTF has not.
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
    "opname": "string",
    "flags": "uint32",
    "cgroup": "uint64",
}
_BIO = {name: kind for name, kind in _REQUEST.items() if name != "rq"} | {"bio": "struct bio *"}

_NAMES = (
    (0, "read"),
    (1, "write"),
    (2, "flush"),
    (3, "discard"),
    (5, "erase"),
    (9, "zeroes"),
)
"""enum req_op of <linux/blk_types.h>: these numbers are the same from 5.10 to 7.2."""


def _opname(flags: str) -> str:
    """The operation in words; zone commands and what drivers send on their own are "other"."""
    names = "".join(f'({flags} & 0xff) == {number} ? "{name}" : ' for number, name in _NAMES)
    return f'{names}"other"'


def _cgroup(bio: str) -> str:
    """The cgroup that is charged, also for writeback; 0 for a request without data."""
    return f"{bio}.bi_blkg.blkcg.css.cgroup.kn.id"


def _disk(disks: tuple[str, ...]) -> dict[str, Expressions]:
    """``dev`` is the disk's, as the kernel keeps it: major number above 20 bits of minor."""
    return {
        "dev": tuple(f"({one}.major << 20) | {one}.first_minor" for one in disks),
        "disk": tuple(f"{one}.disk_name" for one in disks),
    }


def _request(rq: str) -> dict[str, Expressions]:
    """The arguments that are read from a request."""
    return {
        "rq": rq,
        # request_queue.disk since 5.17 (f3fa33acca9f); before, a request had its own
        **_disk((f"{rq}.q.disk", f"{rq}.rq_disk")),
        "sector": f"{rq}.__sector",
        "bytes": f"{rq}.__data_len",
        "op": f"{rq}.cmd_flags & 0xff",
        "opname": _opname(f"{rq}.cmd_flags"),
        "flags": f"{rq}.cmd_flags",
        "cgroup": _cgroup(f"{rq}.bio"),
    }


def _bio(bio: str) -> dict[str, Expressions]:
    """The arguments that are read from a bio."""
    return {
        "bio": bio,
        # bio.bi_bdev since 5.12 (309dca309fc3)
        **_disk((f"{bio}.bi_bdev.bd_disk", f"{bio}.bi_disk")),
        "sector": f"{bio}.bi_iter.bi_sector",
        "bytes": f"{bio}.bi_iter.bi_size",
        "op": f"{bio}.bi_opf & 0xff",
        "opname": _opname(f"{bio}.bi_opf"),
        "flags": f"{bio}.bi_opf",
        "cgroup": _cgroup(bio),
    }


_GONE = ("bytes", "cgroup")
"""What a request has no more that has ended."""
_ENDED = {name: kind for name, kind in _REQUEST.items() if name not in _GONE}


def _ended(rq: str) -> dict[str, Expressions]:
    return {name: one for name, one in _request(rq).items() if name not in _GONE}


def _accounted(rq: str, *, steps: bool) -> tuple[str, ...]:
    """What /proc/diskstats counts: statistics are on, and a partition was charged.

    Its bytes are counted at each step of a flush (``steps``), the request only at its end.
    """
    iostat_and_step = (("(1 << __RQF_IO_STAT)", "(1 << __RQF_FLUSH_SEQ)"), ("8192", "16"))
    return tuple(
        f"{rq}.part != 0 && ({rq}.rq_flags & {iostat}) != 0"
        if steps
        else f"{rq}.part != 0 && ({rq}.rq_flags & ({iostat} | {step})) == {iostat}"
        for iostat, step in iostat_and_step
    )


_ERRNO_OF_STATUS = (
    *(0, 95, 110, 28, 67, 121, 52, 61, 84, 12),  # to BLK_STS_RESOURCE
    *(5, 78, 11, 16),  # to BLK_STS_DEV_RESOURCE
)
"""By blk_status_t of <linux/blk_types.h>; from 14 on its numbers differ by kernel."""
_EIO = 5


def _errno(status: str) -> str:
    """Minus the errno of a blk_status_t; -EIO for those whose number says nothing for certain."""
    known = enumerate(_ERRNO_OF_STATUS)
    chain = "".join(f"{status} == {number} ? {-code} : " for number, code in known)
    return f"({chain}{-_EIO})"


def _error(error: str) -> str:
    """Raw block_rq_complete passes a blk_status_t since 5.16, before that an errno."""
    return f"sizeof({error}) == 1 ? {_errno(error)} : (int32){error}"


def _no_passthrough(rq: str) -> str:
    """A request that is no command for the driver alone: REQ_OP_SCSI_IN (5.10), REQ_OP_DRV_IN."""
    return f"({rq}.cmd_flags & 0xff) < 32"


_UNACCOUNTED = "also sees requests to disks whose statistics are off (queue/iostats)"
_ARG0 = "((struct request *)arg0)"
_WHOLE = "args.nr_bytes >= args.rq.__data_len"
"""A completion of the last part of a request."""
_PART = {**_request("args.rq"), "bytes": "args.nr_bytes", "error": _error("args.error")}

HOOKS = (
    Hook(
        name="block:bio_queue",
        summary="a bio enters the block layer, before it is split or merged",
        args=_BIO,
        candidates=(
            candidate("rawtracepoint:block_bio_queue", values=_bio("args.bio")),
            candidate("kprobe:submit_bio_noacct", values=_bio("((struct bio *)arg0)")),
        ),
    ),
    Hook(
        name="block:bio_request",
        summary="a bio becomes a request, in the context of the task that submits it",
        args=_BIO,
        candidates=(candidate("rawtracepoint:block_getrq", values=_bio("args.bio")),),
    ),
    Hook(
        name="block:bio_done",
        summary="a bio of a stacked device has ended; its disk may be one that it was passed on to;"
        " error is minus the errno",
        args={**{name: kind for name, kind in _BIO.items() if name != "bytes"}, "error": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:block_bio_complete",
                values={
                    **{name: one for name, one in _bio("args.bio").items() if name != "bytes"},
                    "error": _errno("args.bio.bi_status"),
                },
            ),
        ),
    ),
    Hook(
        name="block:io_start",
        summary="a request begins that /proc/diskstats counts where the disk's statistics are on",
        args=_REQUEST,
        candidates=(
            candidate(
                "rawtracepoint:block_io_start",
                note=_UNACCOUNTED,
                where=_no_passthrough("args.rq"),
                values=_request("args.rq"),
            ),
            candidate("kprobe:__blk_account_io_start", values=_request(_ARG0)),
            candidate(
                "kprobe:blk_account_io_start",
                note=_UNACCOUNTED,
                where=_no_passthrough(_ARG0),
                values=_request(_ARG0),
            ),
            # where the compiler made both functions part of others, as in Debian's 6.1
            candidate(
                "rawtracepoint:block_getrq",
                note=_UNACCOUNTED,
                values={name: one for name, one in _bio("args.bio").items() if name != "bio"},
            ),
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
        summary="a part of a request, or all of it, is done; error is minus the errno",
        args={**_REQUEST, "error": "int32"},
        candidates=(
            candidate("rawtracepoint:block_rq_complete", values=_PART),
            candidate(
                "kprobe:blk_update_request",
                note="does not see what is completed in batches",
                values={**_request(_ARG0), "bytes": "arg2", "error": _errno("(uint8)arg1")},
            ),
        ),
    ),
    Hook(
        name="block:io_end",
        summary="the last part of a request is done; bytes is that part, error minus the errno",
        args={**_REQUEST, "error": "int32"},
        candidates=(candidate("rawtracepoint:block_rq_complete", where=_WHOLE, values=_PART),),
    ),
    Hook(
        name="block:io_transfer",
        summary="bytes are done that /proc/diskstats counts as sectors; error is minus the errno",
        args={**_REQUEST, "error": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:block_rq_complete",
                where=_accounted("args.rq", steps=True),
                values=_PART,
            ),
        ),
    ),
    Hook(
        name="block:io_done",
        summary="a request ends that /proc/diskstats counts",
        args=_ENDED,
        candidates=(
            candidate(
                "rawtracepoint:block_io_done",
                where=_accounted("args.rq", steps=False),
                values=_ended("args.rq"),
            ),
            candidate(
                "rawtracepoint:block_rq_complete",
                where=tuple(f"{_WHOLE} && {one}" for one in _accounted("args.rq", steps=False)),
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
