# SPDX-License-Identifier: MIT
"""A bundle gives right numbers where there is no compiler."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from harness import Kptrace, run_as
from workloads import reads

from kptrace.bundle.files import read, write

NO_COMPILER = {"PATH": "/nowhere", "KPTRACE_CLANG": "/nowhere/clang"}
SPEC = """
kprobe:vfs_read { @start[tid] = nsecs; @sizes[comm, args.count] = count(); }
kretprobe:vfs_read /@start[tid]/ { @ns[comm] = hist(nsecs - @start[tid]); delete(@start, tid); }
"""


@pytest.fixture
def bundle(kptrace: Kptrace, tmp_path: Path) -> Path:
    path = tmp_path / "reads.kpb"
    done = kptrace("build", "-o", str(path), "-e", SPEC)
    assert done.status == 0, done
    return path


@pytest.mark.parametrize("made_for", ["this kernel", "another"])
def test_every_read_without_a_compiler(
    kptrace: Kptrace, file: Path, bundle: Path, made_for: str
) -> None:
    """Sizes and times of a process's 1009 reads; where the types are others, after asking them."""
    if made_for == "another":
        found = read(str(bundle))
        (variant,) = found.variants
        other = dataclasses.replace(variant.kernels[0], types="others")
        variants = (dataclasses.replace(variant, kernels=(other,)),)
        write(dataclasses.replace(found, variants=variants), str(bundle))
    run = kptrace.during(
        lambda: run_as("reader", reads(file, [10] * 1000 + [20] * 9)),
        str(bundle),
        environment=NO_COMPILER,
    )
    sizes = run.maps["@sizes"]
    assert (sizes["reader,10"], sizes["reader,20"]) == (1000, 9)
    assert run.counts("@ns")["reader"] == 1009


def test_a_function_that_is_not_here(kptrace: Kptrace, bundle: Path) -> None:
    """The variant is not loaded, and the error names the function."""
    found = read(str(bundle))
    (variant,) = found.variants
    first, *rest = variant.plan.programs
    gone = dataclasses.replace(first.targets[0], name="no_such_function", probe="kprobe:gone")
    programs = (dataclasses.replace(first, targets=(gone,)), *rest)
    plan = dataclasses.replace(variant.plan, programs=programs)
    write(
        dataclasses.replace(found, variants=(dataclasses.replace(variant, plan=plan),)),
        str(bundle),
    )
    run = kptrace(str(bundle), environment=NO_COMPILER)
    assert run.status == 4
    assert "kprobe:gone: this kernel has no function no_such_function" in run.err
