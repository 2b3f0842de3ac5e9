# SPDX-License-Identifier: MIT
"""Hooks of the VFS. They do not see io_uring, splice, mmap and most I/O of the kernel's own."""

from __future__ import annotations

from kptrace.kernel.hooks.model import Hook, candidate


def _entry_and_return(what: str, function: str, summary: str) -> tuple[Hook, Hook]:
    args = {"file": "struct file *", "count": "uint64"}
    return (
        Hook(
            name=f"fs:{what}",
            summary=f"{summary} starts",
            args=args,
            candidates=(candidate(f"kprobe:{function}", file="arg0", count="arg2"),),
        ),
        Hook(
            name=f"fs:{what}_done",
            summary=f"{summary} ends; ret is the bytes done, or minus the error",
            args={"ret": "int64"},
            candidates=(candidate(f"kretprobe:{function}", ret="retval"),),
        ),
    )


HOOKS = (
    *_entry_and_return("read", "vfs_read", "a read through the VFS"),
    *_entry_and_return("write", "vfs_write", "a write through the VFS"),
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
)
