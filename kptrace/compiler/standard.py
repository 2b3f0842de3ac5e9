# SPDX-License-Identifier: MIT
"""The names that the language itself gives meaning: what answers a call that no macro does."""

from __future__ import annotations

STANDARD = frozenset(
    """
    args ctx kstack nsecs pid tid ustack comm cgroup config cpid has_cpid cpu curtask elapsed
    func gid jiffies ncpus numaid ppid pcomm leader_tid leader_comm probe probetype rand retval
    uid usermode username dw_ustack

    printf print errorf warnf fail debugf time strftime join cat system exit clear zero signal
    signal_thread override write_user assert static_assert skboutput unwatch

    str buf kptr uptr strncmp strlen strcap strstr strcontains str_concat memcmp strerror
    signal_name syscall_name ksym kaddr percpu_kaddr reg path ntop pton macaddr bswap cgroupid
    cgroup_path container_of is_err socket_cookie usym uaddr

    count sum min max avg stats hist lhist tseries delete has_key find len sizeof offsetof typeof
    typeinfo is_str is_ptr is_array is_integer is_unsigned_integer is_literal getopt kfunc_exist
    kfunc_allowed assert_str default_str_length
    """.split()
)
"""Built-ins and functions of language §7 and §8, supported or refused by the checker."""
