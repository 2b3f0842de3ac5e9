# SPDX-License-Identifier: MIT
"""Hooks of files: the VFS, the file systems below it, names and readahead.

Those of the VFS do not see io_uring, splice, mmap and most I/O of the kernel's own; those of a
file system see what reaches its own functions.
"""

from __future__ import annotations

from itertools import chain

from kptrace.kernel.hooks.model import Candidate, Hook, candidate

_COUNTED = {"file": "struct file *", "count": "uint64"}
_DONE = {"ret": "int64"}
_KIOCB = {
    "file": "((struct kiocb *)arg0).ki_filp",
    "count": "((struct iov_iter *)arg1).count",
}


def _vfs(what: str, function: str, summary: str) -> tuple[Hook, Hook]:
    return (
        Hook(
            name=f"fs:{what}",
            summary=f"{summary} starts",
            args=_COUNTED,
            candidates=(candidate(f"kprobe:{function}", file="arg0", count="arg2"),),
        ),
        Hook(
            name=f"fs:{what}_done",
            summary=f"{summary} ends; ret is the bytes done, or minus the error",
            args=_DONE,
            candidates=(candidate(f"kretprobe:{function}", ret="retval"),),
        ),
    )


def _at(kind: str, functions: tuple[str, ...], **values: str) -> tuple[Candidate, ...]:
    """Both file systems, or the one that this kernel has loaded."""
    ways = (functions, *((one,) for one in functions))
    return tuple(candidate(*(f"{kind}:{one}" for one in way), values=values) for way in ways)


def _local(what: str, functions: tuple[str, ...], summary: str, **values: str) -> tuple[Hook, Hook]:
    """An operation of ext4 and XFS."""
    kinds = {"file": "struct file *", "count": "uint64"}
    return (
        Hook(
            name=f"fs:local_{what}",
            summary=f"{summary} by ext4 or XFS starts",
            args={name: kinds[name] for name in values},
            candidates=_at("kprobe", functions, **values),
        ),
        Hook(
            name=f"fs:local_{what}_done",
            summary=f"{summary} by ext4 or XFS ends; ret is minus the error, or bytes",
            args=_DONE,
            candidates=_at("kretprobe", functions, ret="retval"),
        ),
    )


_LOCAL = (
    _local("read", ("ext4_file_read_iter", "xfs_file_read_iter"), "a read", **_KIOCB),
    _local("write", ("ext4_file_write_iter", "xfs_file_write_iter"), "a write", **_KIOCB),
    _local(
        "open", ("ext4_file_open", "xfs_file_open"), "opening a file", file="(struct file *)arg1"
    ),
    _local(
        "fsync",
        ("ext4_sync_file", "xfs_file_fsync"),
        "forcing a file to its device",
        file="(struct file *)arg0",
    ),
)

HOOKS = (
    *_vfs("read", "vfs_read", "a read through the VFS"),
    *_vfs("write", "vfs_write", "a write through the VFS"),
    Hook(
        name="fs:open",
        summary="a file that was looked up is about to be opened, also by the kernel",
        args={"file": "struct file *"},
        candidates=(candidate("kprobe:vfs_open", file="arg1"),),
    ),
    Hook(
        name="fs:open_done",
        summary="a file is open; ret is minus the error",
        args={"ret": "int32"},
        candidates=(candidate("kretprobe:vfs_open", ret="retval"),),
    ),
    Hook(
        name="fs:fsync",
        summary="a file is about to be forced to its device",
        args={"file": "struct file *", "datasync": "bool"},
        candidates=(candidate("kprobe:vfs_fsync_range", file="arg0", datasync="arg3"),),
    ),
    Hook(
        name="fs:fsync_done",
        summary="a file was forced to its device; ret is minus the error",
        args={"ret": "int32"},
        candidates=(candidate("kretprobe:vfs_fsync_range", ret="retval"),),
    ),
    *chain.from_iterable(_LOCAL),
    Hook(
        name="fs:lookup_done",
        summary="a name was looked for in the dentry cache; dentry is 0 if it is not there",
        args={"dentry": "struct dentry *"},
        candidates=(candidate("kretprobe:lookup_fast", dentry="retval"),),
    ),
    Hook(
        name="fs:readahead",
        summary="a task reads pages of a file ahead: they enter the page cache until it is done",
        args={"pages": "uint64"},
        candidates=(candidate("kprobe:page_cache_ra_unbounded", pages="arg1"),),
    ),
    Hook(
        name="fs:readahead_done",
        summary="the pages to read ahead are in the page cache, their I/O on its way",
        args={},
        candidates=(candidate("kretprobe:page_cache_ra_unbounded"),),
    ),
)
