# SPDX-License-Identifier: MIT
"""Parts of ``union bpf_attr`` and of the info structures, as include/uapi/linux/bpf.h has them.

The kernel accepts a larger attribute than it knows as long as the unknown tail is zero, and a
smaller one always, so these hold no more than what is used.
"""

from __future__ import annotations

import ctypes
from ctypes import c_char, c_uint32, c_uint64


class MapCreate(ctypes.Structure):
    _fields_ = (
        ("map_type", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("map_flags", c_uint32),
    )


class Element(ctypes.Structure):
    _fields_ = (
        ("map_fd", c_uint32),
        ("_pad", c_uint32),
        ("key", c_uint64),
        ("value", c_uint64),  # also next_key
        ("flags", c_uint64),
    )


class Batch(ctypes.Structure):
    _fields_ = (
        ("in_batch", c_uint64),
        ("out_batch", c_uint64),
        ("keys", c_uint64),
        ("values", c_uint64),
        ("count", c_uint32),
        ("map_fd", c_uint32),
        ("elem_flags", c_uint64),
        ("flags", c_uint64),
    )


class ProgLoad(ctypes.Structure):
    _fields_ = (
        ("prog_type", c_uint32),
        ("insn_cnt", c_uint32),
        ("insns", c_uint64),
        ("license", c_uint64),
        ("log_level", c_uint32),
        ("log_size", c_uint32),
        ("log_buf", c_uint64),
        ("kern_version", c_uint32),
        ("prog_flags", c_uint32),
        ("prog_name", c_char * 16),
        ("prog_ifindex", c_uint32),
        ("expected_attach_type", c_uint32),
        ("prog_btf_fd", c_uint32),
        ("func_info_rec_size", c_uint32),
        ("func_info", c_uint64),
        ("func_info_cnt", c_uint32),
        ("line_info_rec_size", c_uint32),
        ("line_info", c_uint64),
        ("line_info_cnt", c_uint32),
        ("attach_btf_id", c_uint32),
    )


class TestRun(ctypes.Structure):
    _fields_ = (
        ("prog_fd", c_uint32),
        ("retval", c_uint32),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("data_in", c_uint64),
        ("data_out", c_uint64),
        ("repeat", c_uint32),
        ("duration", c_uint32),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("ctx_in", c_uint64),
        ("ctx_out", c_uint64),
        ("flags", c_uint32),
        ("cpu", c_uint32),
    )


class Info(ctypes.Structure):
    _fields_ = (("bpf_fd", c_uint32), ("info_len", c_uint32), ("info", c_uint64))


class RawTracepoint(ctypes.Structure):
    _fields_ = (("name", c_uint64), ("prog_fd", c_uint32), ("_pad", c_uint32))


class LinkCreate(ctypes.Structure):
    _fields_ = (
        ("prog_fd", c_uint32),
        ("target_fd", c_uint32),
        ("attach_type", c_uint32),
        ("flags", c_uint32),
        # struct kprobe_multi; perf_event has only a cookie here, which stays 0.
        ("multi_flags", c_uint32),
        ("count", c_uint32),
        ("symbols", c_uint64),
        ("addresses", c_uint64),
        ("cookies", c_uint64),
    )


class ById(ctypes.Structure):
    _fields_ = (("id", c_uint32), ("next_id", c_uint32), ("open_flags", c_uint32))


class ProgTypes(ctypes.Structure):
    """struct bpf_prog_info as far as its types reach."""

    _fields_ = (
        ("_type_to_func_lens", c_uint64 * 16),
        ("btf_id", c_uint32),
        ("func_info_rec_size", c_uint32),
        ("func_info", c_uint64),
        ("nr_func_info", c_uint32),
        ("_pad", c_uint32),
    )


class BtfInfo(ctypes.Structure):
    _fields_ = (("btf", c_uint64), ("btf_size", c_uint32), ("id", c_uint32))


class Pin(ctypes.Structure):
    _fields_ = (("pathname", c_uint64), ("bpf_fd", c_uint32), ("file_flags", c_uint32))


class IterCreate(ctypes.Structure):
    _fields_ = (("link_fd", c_uint32), ("flags", c_uint32))


class MapInfo(ctypes.Structure):
    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("map_flags", c_uint32),
        ("name", c_char * 16),
    )


class ProgInfo(ctypes.Structure):
    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("_tag_to_run_count", c_uint64 * 25),
        ("recursion_misses", c_uint64),
    )


class LinkInfo(ctypes.Structure):
    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("prog_id", c_uint32),
        ("_pad", c_uint32),
        ("words", c_uint64 * 5),
    )
