# SPDX-License-Identifier: MIT
"""Specifications in files, and beside each what it must become.

``golden/NAME.bt``: the plan and the C in both dialects. ``diagnostics/NAME.bt``: what is told
about it, in ``NAME.txt``. Adding a case is adding a ``.bt`` file; ``pytest tests/cases
--update-golden`` writes the rest, and the difference is reviewed like code. A case may say how
it is compiled::

    // options: --percentiles --no-func-ip
    // parameters: vfs_read 100

and what its host is, and lacks: kernel features by name, ``btf``, or ``cpus``::

    // options: --machine ppc64le --without btf,loop
"""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from kptrace import toolchain
from kptrace.cli.spec import with_parameters
from kptrace.compiler import Compilation, Options, clang, compile_spec
from kptrace.compiler.portable import refuse_bound
from kptrace.errors import HostError, KptraceError, render
from kptrace.kernel import Kernel
from kptrace.plan import TIMER_KINDS, TRACER_KINDS, ProbeKind, from_json, to_json
from kptrace.runtime import libbpf_loader
from kptrace.source import Source

HERE = Path(__file__).parent
_COMMENT = re.compile(r"^// (options|parameters): (.*)$", re.M)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One specification file."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    def beside(self, suffix: str) -> Path:
        return self.path.with_name(self.name + suffix)

    def compile(self, kernel: Kernel) -> Compilation:
        """What the command makes of it, run where the file is; imports are beside it."""
        before = Path.cwd()
        os.chdir(self.path.parent)
        try:
            return self._compile(kernel)
        finally:
            os.chdir(before)

    def _compile(self, kernel: Kernel) -> Compilation:
        # surrogates stand for bytes that are not UTF-8, as on the command line
        text = self.path.read_bytes().decode("utf-8", "surrogateescape")
        given = dict(_COMMENT.findall(text))
        options = given.get("options", "").split()
        words = with_parameters(
            Source(name=self.path.name, text=text), given.get("parameters", "").split()
        )
        lacks = options[options.index("--without") + 1].split(",") if "--without" in options else []
        made = compile_spec(
            words.source,
            _host(kernel, options, lacks),
            Options(
                percpu_lookup="percpu_lookup" not in lacks,
                has=lambda feature: feature not in lacks,
                calls=lambda *_: None if "kfuncs" in lacks else True,
                bpf_programs=lambda: None if "programs" in lacks else [(7, "other_program")],
                parameters=words.parameters,
                named=words.named,
                report_failures="-k" in options,
                unsafe="--unsafe" in options,
                percentiles="--percentiles" in options,
                func_ip="--no-func-ip" not in options,
                mode="bench" if "--bench" in options else "test" if "--test" in options else "",
                pid_filter="--pid" in options,
                session="--session" in options,
                task_storage="--task-storage" in options,
            ),
        )
        if "--bundle" in options:
            refuse_bound(made)
        return made


def _host(kernel: Kernel, options: list[str], lacks: list[str]) -> Kernel:
    """The golden kernel, or one like it that lacks something."""
    changed: dict[str, object] = {}
    if "--machine" in options:
        changed["arch"] = options[options.index("--machine") + 1]
    if "btf" in lacks:
        changed["_opened"] = None, "the kernel was built without it"
    if "--task-storage" in options:
        changed["makes_task_storage"] = True
    if "cpus" in lacks:
        changed["possible_cpus"] = None
    if not changed:
        return kernel
    made = copy.copy(kernel)
    made.__dict__.update(changed)
    return made


def cases(directory: str) -> list[Case]:
    found = [Case(path=path) for path in sorted((HERE / directory).glob("*.bt"))]
    assert found, f"no cases in {directory}"
    return found


def plan_text(made: Compilation) -> str:
    """The plan for reading; BTF ids depend on the compiler of the test's BTF."""
    text = json.dumps(json.loads(to_json(made.plan)), indent=1)
    return re.sub(r'"btf_id": \d+', '"btf_id": 0', text) + "\n"


def check_file(path: Path, text: str, *, update: bool) -> None:
    """Compare with an expected file, or rewrite it."""
    data = text.encode("utf-8", "surrogateescape")
    if update:
        path.write_bytes(data)
        return
    assert path.exists(), f"{path.name} is missing: pytest --update-golden writes it"
    assert data.decode("utf-8", "replace") == path.read_bytes().decode("utf-8", "replace")


def bcc_text(made: Compilation) -> str:
    """The C for BCC, or what BCC is refused for."""
    try:
        return made.c("bcc")
    except HostError as error:
        return f"/* {error} */\n"


CASES = cases("golden")
NATIVE = TRACER_KINDS | TIMER_KINDS | {ProbeKind.TRACEPOINT, ProbeKind.RAWTRACEPOINT}
"""Program types that every tracing kernel loads; kprobes are a matter of its configuration."""

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_golden(case: Case, golden_kernel: Kernel, pytestconfig: pytest.Config) -> None:
    made = case.compile(golden_kernel)
    update = pytestconfig.getoption("--update-golden")
    assert not made.warnings, "a golden case compiles without warnings"
    check_file(case.beside(".core.c"), made.c("core"), update=update)
    check_file(case.beside(".bcc.c"), bcc_text(made), update=update)
    check_file(case.beside(".plan.json"), plan_text(made), update=update)


@each_case
def test_plan_survives_json(case: Case, golden_kernel: Kernel) -> None:
    plan = case.compile(golden_kernel).plan
    assert from_json(to_json(plan)) == plan


@each_case
def test_clang_has_no_complaint(case: Case, tmp_path: Path) -> None:
    text = case.beside(".core.c").read_bytes()
    target = tmp_path / "spec.o"
    command = [toolchain.find_clang() or "clang", "-D__TARGET_ARCH_x86", "-Werror", *clang._FLAGS]
    done = subprocess.run([*command, str(target)], input=text, capture_output=True, check=False)
    assert done.stderr.decode() == ""
    assert done.returncode == 0


def _is_native(case: Case) -> bool:
    text = case.beside(".plan.json").read_text() if case.beside(".plan.json").exists() else ""
    return bool(text) and {one.kind for one in from_json(text).programs} <= NATIVE


@pytest.mark.skipif(os.geteuid() != 0, reason="loading programs needs root")
@pytest.mark.parametrize(
    "case", [case for case in CASES if _is_native(case)], ids=lambda case: case.name
)
def test_verifier_accepts(case: Case, golden_root: Path) -> None:
    plan = from_json(case.beside(".plan.json").read_text())
    data = clang.build(
        case.beside(".core.c").read_bytes().decode("utf-8", "surrogateescape"), plan.arch
    )
    btf = str(golden_root / "sys/kernel/btf/vmlinux")
    with libbpf_loader.load(data, plan, {}, btf_custom_path=btf) as loaded:
        assert set(loaded.programs) == {one.name for one in plan.programs}


# --- diagnostics -------------------------------------------------------------------------------


@pytest.mark.parametrize("case", cases("diagnostics"), ids=lambda case: case.name)
def test_diagnostics(case: Case, golden_kernel: Kernel, pytestconfig: pytest.Config) -> None:
    try:
        found = case.compile(golden_kernel).warnings
        end = ""
    except KptraceError as error:
        found = error.diagnostics
        end = f"exit status {error.exit.value}\n"
    assert found, "a diagnostics case has something to tell"
    text = "".join(map(render, found)) + end
    check_file(case.beside(".txt"), text, update=pytestconfig.getoption("--update-golden"))
