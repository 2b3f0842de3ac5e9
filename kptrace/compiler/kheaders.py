# SPDX-License-Identifier: MIT
"""Headers of the kernel that are not installed.

Most published specifications begin with ``#include <linux/...>``, from the time before kernels
told their types. Where BTF has the types, such a header has nothing to add but macros; those that
are part of the kernel's interface to programs, and so never change, stand here.
"""

from __future__ import annotations

import re
from collections.abc import Collection

DIRECTORIES = frozenset(
    """asm asm-generic block crypto drm linux media net rdma scsi sound target trace uapi video
    xen""".split()
)
"""The directories of include/ of a kernel whose headers a specification may name."""

_INCLUDE = re.compile(r'#\s*include\s*([<"]([a-z][a-z-]*)/[^<>"\n]*\.h[>"])\s*(?://.*|/\*.*)?')

# include/linux/socket.h, include/uapi/asm-generic/errno-base.h and errno.h, and under
# include/uapi/linux: if_ether.h, icmp.h, icmpv6.h, stat.h, sched.h, if.h
_TABLE = """
AF_UNSPEC 0 AF_UNIX 1 AF_LOCAL 1 AF_INET 2 AF_INET6 10 AF_NETLINK 16 AF_PACKET 17 AF_ALG 38
AF_VSOCK 40 AF_XDP 44 PF_UNSPEC 0 PF_UNIX 1 PF_LOCAL 1 PF_INET 2 PF_INET6 10 PF_NETLINK 16
PF_PACKET 17
ETH_P_IP 0x0800 ETH_P_ARP 0x0806 ETH_P_8021Q 0x8100 ETH_P_8021AD 0x88A8 ETH_P_IPV6 0x86DD
ETH_P_ALL 0x0003 ETH_ALEN 6 ETH_HLEN 14 IFNAMSIZ 16
ICMP_ECHOREPLY 0 ICMP_DEST_UNREACH 3 ICMP_REDIRECT 5 ICMP_ECHO 8 ICMP_TIME_EXCEEDED 11
ICMPV6_ECHO_REQUEST 128 ICMPV6_ECHO_REPLY 129
S_IFMT 0170000 S_IFSOCK 0140000 S_IFLNK 0120000 S_IFREG 0100000 S_IFBLK 0060000 S_IFDIR 0040000
S_IFCHR 0020000 S_IFIFO 0010000
EPERM 1 ENOENT 2 ESRCH 3 EINTR 4 EIO 5 ENXIO 6 E2BIG 7 EBADF 9 ECHILD 10 EAGAIN 11 EWOULDBLOCK 11
ENOMEM 12 EACCES 13 EFAULT 14 EBUSY 16 EEXIST 17 ENODEV 19 ENOTDIR 20 EISDIR 21 EINVAL 22
ENFILE 23 EMFILE 24 ENOSPC 28 EROFS 30 EPIPE 32 ENOSYS 38 ENOTEMPTY 39 ELOOP 40 EPROTO 71
EMSGSIZE 90 EOPNOTSUPP 95 EADDRINUSE 98 EADDRNOTAVAIL 99 ENETDOWN 100 ENETUNREACH 101
ECONNABORTED 103 ECONNRESET 104 ENOBUFS 105 ENOTCONN 107 ETIMEDOUT 110 ECONNREFUSED 111
EHOSTUNREACH 113 EALREADY 114 EINPROGRESS 115
CLONE_VM 0x100 CLONE_FS 0x200 CLONE_FILES 0x400 CLONE_SIGHAND 0x800 CLONE_VFORK 0x4000
CLONE_PARENT 0x8000 CLONE_THREAD 0x10000 CLONE_NEWNS 0x20000 CLONE_NEWCGROUP 0x02000000
CLONE_NEWUTS 0x04000000 CLONE_NEWIPC 0x08000000 CLONE_NEWUSER 0x10000000 CLONE_NEWPID 0x20000000
CLONE_NEWNET 0x40000000
""".split()
_CONSTANTS = dict(zip(_TABLE[::2], _TABLE[1::2], strict=True))


def included(directive: str) -> str | None:
    """The kernel header that a line includes, as it is spelled there; None if it is none."""
    match = _INCLUDE.fullmatch(directive.strip())
    return match[1] if match and match[2] in DIRECTORIES else None


def constants(names: Collection[str]) -> dict[str, str]:
    """The macros of the kernel's headers among some names, as far as they are known here."""
    return {name: _CONSTANTS[name] for name in names if name in _CONSTANTS}
