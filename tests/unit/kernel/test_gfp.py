# SPDX-License-Identifier: MIT
"""Names of allocation flags from the text that a kernel prints them by."""

from __future__ import annotations

from kptrace.kernel.gfp import gfp_flags

OLD = (
    'print fmt: "gfp_flags=%s", (REC->gfp_flags) ? __print_flags(REC->gfp_flags, "|",'
    " {(unsigned long)(((( gfp_t)(0x400u|0x800u)) | (( gfp_t)0x40u)) & ~(( gfp_t)0x800u)),"
    ' "GFP_KERNEL"}, {(unsigned long)(( gfp_t)0x01u), "GFP_DMA"},'
    ' {( unsigned long)(( gfp_t)((((1UL))) << (10))|((((1UL))) << (11))), "__GFP_RECLAIM"},'
    ' {( unsigned long)(( gfp_t)((((1UL))) << (8))), "__GFP_ZERO"},'
    ' {(unsigned long)(( gfp_t)0x01u), "__GFP_DMA"}, {(unsigned long)NOT_A_NUMBER, "__GFP_ODD"},'
    ' {(unsigned long)(( gfp_t)0), "__GFP_NOLOCKDEP"}, {(unsigned long)((1), "__GFP_OPEN"} )'
    ' : "none"'
)


def test_names_and_masks() -> None:
    assert gfp_flags(OLD) == (
        ("GFP_KERNEL", 0x440),
        ("GFP_DMA", 1),
        ("__GFP_ZERO", 0x100),
        ("__GFP_DMA", 1),
    )


def test_nothing_known() -> None:
    assert gfp_flags("") == ()
    assert gfp_flags('print fmt: "x"') == ()
