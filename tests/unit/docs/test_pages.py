# SPDX-License-Identifier: MIT
"""The pages of the library say what its probes say of themselves."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from kptrace.cli import library

TESTS = Path(__file__).parents[2]
PROBES = [*library.probes()]
TEXT = """#!/usr/bin/env kptrace
// SPDX-License-Identifier: MIT
// Latency of *all* disks
//
// How slow? By phase:
//   device  the disk
//           and its driver
//   queue, rest   before that
// More in <linux/blk.h>, `a_*` and __init.

begin { print((getopt("phase", "device", "device or queue"), getopt("by_cgroup"))); }
"""
PAGE = r"""<!-- Made by make probe-docs, from some.bt and a run of it. -->
# some

**Latency of \*all\* disks**

How slow? By phase:

* `device`: the disk
  and its driver
* `queue, rest`: before that

More in \<linux/blk.h>, `a_*` and \_\_init.

## Options, as in `kptrace run some -- --phase=device`

| option | default | meaning |
|---|---|---|
| `--phase` | `"device"` | device or queue |
| `--by_cgroup` |  |  |

## What it prints

kptrace 0.1 on Linux 6.12.1, emulated (some 15 times slower than a machine), while nothing happens:

```
# kptrace run some
@: 1

@b: 2
```
"""


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TESTS / "docs"))
    return importlib.import_module("pages")


def test_a_page_is_made_and_read(pages: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "some.bt"
    path.write_text(TEXT)
    probe = library.LibraryProbe(name="some", group="block", title="", path=path)
    sample = pages.Sample(
        command="kptrace run some",
        work="nothing happens",
        output="\n\n@: 1\n\n@b: 2\n",
        kernel="6.12.1",
        version="0.1",
    )
    assert pages.page(probe, sample) == PAGE
    assert pages.page(probe, pages.sample_of(PAGE)) == PAGE


def test_long_output_is_cut(pages: ModuleType) -> None:
    lines = [f"line {number}" for number in range(100)]
    found = pages.cut("\n".join(lines)).splitlines()
    assert found == [*lines[:11], "... (71 lines more)", *lines[-18:]]
    assert pages.cut("\n".join(found)).splitlines() == found
    assert pages.cut("\n".join(lines[:30])).splitlines() == lines[:30]


@pytest.mark.parametrize("probe", PROBES, ids=lambda one: one.name)
def test_every_probe_has_its_page(pages: ModuleType, probe: library.LibraryProbe) -> None:
    path = probe.path.with_suffix(".md")
    assert path.exists(), f"make probe-docs ARGS={probe.name}"
    text = path.read_text()
    again = f"{path} says other than its probe: make probe-docs ARGS='--keep {probe.name}'"
    assert pages.page(probe, pages.sample_of(text)) == text, again


def test_every_page_has_its_probe() -> None:
    folder = TESTS.parent / "probes"
    assert {path.stem for path in folder.glob("*/*.md")} <= {probe.name for probe in PROBES}
