# SPDX-License-Identifier: MIT
"""Bundles: a specification compiled for many kernels, in one file that runs without a compiler
(design §9).

In: plans and objects, with what each takes for granted of its kernel. Out: the same, on the host
that runs it. Whether a kernel meets what a variant needs is `kptrace.runtime.fitting`'s business.

::

    magic      whether a file is one
    content    what is in it
    files      the file
"""
