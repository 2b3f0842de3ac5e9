# SPDX-License-Identifier: MIT
"""A bundle prints what its specification does, without compiling, or says why it cannot."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kptrace.bundle.actions import constants
from kptrace.bundle.content import Bundle
from kptrace.bundle.files import BUNDLE, read, write
from kptrace.capture.frames import pack_preamble
from kptrace.errors import Exit
from kptrace.kernel import hooks, host
from kptrace.kernel.hooks.model import Hook, candidate

Command = Callable[..., Any]
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="running programs needs root"),
    pytest.mark.skipif(os.uname().machine != "x86_64", reason="the kept bundle is for x86_64"),
]
KEPT = Path(__file__).parents[2] / "data/bundles/begin-1.0.kpb"
COUNT = "tracepoint:syscalls:sys_enter_openat { if (args.dfd == 77777) { @ = count(); } }"
SWITCH = "rawtracepoint:sched_switch { if (args.prev.pid == -7) { print(1); } }"
EXIT = "begin { exit(); }"


@pytest.fixture
def build(kptrace: Command, tmp_path: Path) -> Callable[..., Path]:
    """Builds a specification that is given as text, and gives the path of the bundle."""

    def made(spec: str, *more: str) -> Path:
        path = tmp_path / "a.kpb"
        done = kptrace("build", "-o", str(path), "-e", spec, *more)
        assert done.status == 0, done.error
        return path

    return made


def change(path: Path, **changes: Any) -> Bundle:
    """The bundle with other fields of its only variant, or of its plan."""
    bundle = read(str(path))
    (variant,) = bundle.variants
    plan = {name: changes.pop(name) for name in ("programs", "config") if name in changes}
    changes["plan"] = dataclasses.replace(variant.plan, **plan)
    made = dataclasses.replace(bundle, variants=(dataclasses.replace(variant, **changes),))
    write(made, str(path))
    return made


def elsewhere(path: Path) -> None:
    """As if it had been made for a kernel with other types."""
    (variant,) = read(str(path)).variants
    change(path, kernels=(dataclasses.replace(variant.kernels[0], release="5.0", types="other"),))


def moved(path: Path, name: str, **changes: Any) -> None:
    """A bundle whose first program is at a place of another name."""
    (variant,) = read(str(path)).variants
    first, *rest = variant.plan.programs
    target = dataclasses.replace(first.targets[0], name=name, **changes)
    change(path, programs=(dataclasses.replace(first, targets=(target,)), *rest))


def test_a_kept_bundle_runs_for_ever(kptrace: Command) -> None:
    done = kptrace("run", "-q", str(KEPT))
    assert (done.status, done.error) == (7, "")
    assert done.output.startswith("kept 5\n\n\n@h:\n[4, 8)                 1 |@@@")
    assert done.output.endswith("\n\n@n: 1\n@t: (1, two)\n")


@pytest.mark.parametrize(
    "spec", [f"{COUNT} {EXIT}", f"{SWITCH} {EXIT}", "interval:ms:1 { exit(); }"]
)
def test_it_runs_as_its_specification(kptrace: Command, build: Any, spec: str) -> None:
    path = build(spec)
    for form in ("text", "json"):
        assert kptrace(str(path), "-q", "-f", form) == kptrace("-q", "-f", form, "-e", spec)
    assert kptrace("run", "--dry-run", str(path)).status == 0


_WATCHED = """
import json, sys
met = []
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.system"):
        met.append(event)
    if event == "open" and "include" in str(arguments[0]).split("/"):
        met.append(str(arguments[0]))
sys.addaudithook(watch)
from kptrace.__main__ import main
try:
    main()
finally:
    names = ("kptrace.compiler", "kptrace.lang", "kptrace.toolchain", "bcc")
    print(json.dumps([[one for one in names if one in sys.modules], met]), file=sys.stderr)
"""


@pytest.mark.parametrize("command", ["run", "record"])
@pytest.mark.parametrize("other", [False, True])
def test_no_compiler_is_asked(build: Any, tmp_path: Path, command: str, other: bool) -> None:
    path = build(f"{SWITCH} {EXIT}")
    if other:
        elsewhere(path)
    more = ["-o", str(tmp_path / "a.kpt")] if command == "record" else []
    line = [sys.executable, "-c", _WATCHED, command, str(path), "-q", *more]
    environment = {"PATH": "/nowhere", "HOME": str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=True)
    modules, met = json.loads(done.stderr.splitlines()[-1])
    assert [one for one in modules if one != "kptrace.toolchain"] == []
    assert met == []


def test_a_recording_of_a_bundle_has_its_specification(
    kptrace: Command, build: Any, tmp_path: Path
) -> None:
    capture = str(tmp_path / "a.kpt")
    assert (
        kptrace("record", str(build('begin { print("so"); exit(); }')), "-o", capture).status == 0
    )
    assert kptrace("report", "-q", capture).output == "so\n\n\n"


# What was decided when it was built


def test_parameters_are_built_in(kptrace: Command, build: Any) -> None:
    path = str(build('begin { print(($1, getopt("n", 3))); exit(); }', "8", "--", "--n=4"))
    assert "(8, 4)" in kptrace(path).output
    assert "(8, 4)" in kptrace(path, "8", "--", "--n=4").output
    for other in (("9",), ("8",), ("8", "--", "--n=5")):
        done = kptrace(path, *other)
        assert done.status == Exit.USAGE
        assert f"'{path}' was built with 8 --n=4" in done.error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--probe-filter", "x"), "--probe-filter says nothing to it"),
        (("-k",), "-k says nothing"),
        (("-p", "1"), "-p says nothing"),
        (("--test",), "--test says nothing"),
        (("-d", "plan"), "-d says nothing"),
        (("--backend", "bcc"), "not by bcc"),
        (("--percentiles=",), "built without percentiles"),
    ],
)
def test_what_is_the_compilers_is_refused(
    kptrace: Command, options: tuple[str, ...], message: str
) -> None:
    done = kptrace("run", *options, str(KEPT))
    assert done.status == Exit.USAGE
    assert message in done.error


def test_what_acts_on_the_system_is_allowed_twice(kptrace: Command, build: Any) -> None:
    path = str(build('begin { system("echo done"); exit(); }', "--unsafe"))
    refused = kptrace(path)
    assert (refused.status, refused.output) == (Exit.USAGE, "")
    assert "functions that act on the system" in refused.error
    assert "done" in kptrace("--unsafe", path).output


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ('begin { system("echo done"); exit(); }', "system()"),
        ("rawtracepoint:sched_switch { if (pid == 0) { signal(9); } }", "bpf_send_signal"),
    ],
)
def test_what_a_bundle_says_of_itself_is_not_believed(
    kptrace: Command, build: Any, spec: str, told: str
) -> None:
    path = build(spec, "--unsafe")
    write(dataclasses.replace(read(str(path)), unsafe=False), str(path))
    refused = kptrace(str(path))
    assert (refused.status, refused.output) == (Exit.USAGE, "")
    assert f"functions that act on the system: {told}" in refused.error
    assert f"acts on the system: {told}\n" in kptrace("check", str(path)).output


def test_what_lies_in_the_current_directory_is_not_taken_for_the_library(
    kptrace: Command, build: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build('begin { print("planted"); exit(); }')
    monkeypatch.chdir(tmp_path)
    for planted in (path.read_bytes(), b'begin { print("planted"); exit(); }'):
        Path("biolatency").write_bytes(planted)
        Path("mine").write_bytes(planted)
        done = kptrace("run", "biolatency", "--duration", "10ms")
        assert "planted" not in done.output
        assert "'biolatency' is the probe of the library, not the file here" in done.error
        assert "planted" in kptrace("run", "./biolatency").output
        assert "planted" in kptrace("run", "./mine").output
    assert "planted" in kptrace("run", "mine").output
    Path("mine").write_bytes(path.read_bytes())
    done = kptrace("run", "mine")
    assert done.status == Exit.USAGE
    assert "a bundle is run by a name that ends in .kpb or has a /: ./mine" in done.error
    assert "planted" in kptrace("run", "a.kpb").output


def test_percentiles_are_those_of_the_build(kptrace: Command, build: Any) -> None:
    path = str(build("begin { @ = hist(7); exit(); }", "--percentiles=50"))
    assert "p50" in kptrace(path).output
    assert "p99" in kptrace("--percentiles=99", path).output
    assert "p50" not in kptrace("--percentiles=none", path).output


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("begin { print(ncpus); }", "ncpus cannot be in a bundle: it is that of the host"),
        ('begin { print(kaddr("vfs_read")); }', "kaddr cannot be in a bundle: an address"),
        ('begin { print(cgroupid("/sys/fs/cgroup")); }', "cgroupid cannot be in a bundle"),
        ('macro m() { kaddr("vfs_read") } begin { print(m()); }', "kaddr cannot be in a bundle"),
    ],
)
def test_what_is_of_one_host_is_not_built(
    kptrace: Command, tmp_path: Path, spec: str, message: str
) -> None:
    done = kptrace("build", "-o", str(tmp_path / "a.kpb"), "-e", spec)
    assert done.status == Exit.USAGE
    assert message in done.error
    assert "stdin:1:" in done.error
    assert not (tmp_path / "a.kpb").exists()


def test_no_address_of_one_boot_is_in_it(kptrace: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.kpb"
    spec = "kprobe:vfs_read { @[func] = count(); } fentry:vfs_write { @w[func] = count(); }"
    done = kptrace("build", "-o", str(path), "-e", spec)
    assert done.status == 0, done.error
    (variant,) = read(str(path)).variants
    with open("/proc/kallsyms") as symbols:
        addresses = {int(line.split()[0], 16) for line in symbols} - {0}
    assert addresses
    assert not addresses & set(constants(variant.program))
    assert "get_func_ip" in variant.features


def test_a_kernel_that_cannot_tell_the_function(kptrace: Command, tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    assert kptrace("doctor", "--export", str(kernel)).status == 0
    known = json.loads((kernel / "features.json").read_text())
    (kernel / "features.json").write_text(json.dumps(known | {"get_func_ip": False}))
    spec = "kprobe:vfs_read { @[func] = count(); }"
    path = tmp_path / "a.kpb"
    done = kptrace("build", "-o", str(path), "-e", spec, "--kernel", str(kernel))
    assert done.status == Exit.HOST
    assert "a bundle of this needs get_func_ip, which the kernel " in done.error
    assert not path.exists()


# Which variant


def test_a_feature_that_is_missing(kptrace: Command, build: Any) -> None:
    path = str(build("begin { for $i : 0..(nsecs % 7) { @ = $i; } exit(); }"))
    assert kptrace("-q", path).status == 0
    done = kptrace("--no-feature", "loop", path)
    assert done.status == Exit.HOST
    assert "no variant that is right for this kernel" in done.error
    assert "this kernel lacks loop" in done.error


def test_the_next_variant_runs(kptrace: Command, build: Any, tmp_path: Path) -> None:
    first = read(str(build('begin { print("first"); for $i : 0..(nsecs % 7) { } exit(); }')))
    second = read(str(build('begin { print("second"); exit(); }')))
    path = str(tmp_path / "both.kpb")
    write(dataclasses.replace(first, variants=first.variants + second.variants), path)
    assert "first" in kptrace(path).output
    assert "second" in kptrace("--no-feature", "loop", path).output
    shown = kptrace("check", path).output
    assert shown.count("would run here") == 1
    assert shown.count("fits, too") == 1


def test_what_the_kernel_refuses_is_followed_by_the_next(
    kptrace: Command, build: Any, tmp_path: Path
) -> None:
    good = read(str(build('begin { print("good"); exit(); }')))
    (variant,) = good.variants
    btf = b"\x9f\xeb\x01\x00"  # its magic: maps are described there
    wrong = dataclasses.replace(variant, program=variant.program.replace(btf, bytes(4)))
    path = str(tmp_path / "both.kpb")
    write(dataclasses.replace(good, variants=(wrong, variant)), path)
    done = kptrace("-q", path)
    assert (done.status, done.output, done.error) == (0, "good\n\n\n", "")
    write(dataclasses.replace(good, variants=(wrong, wrong)), path)
    done = kptrace("-q", path)
    assert done.status == Exit.ATTACH
    assert done.error.count("cannot be loaded") == 2


@pytest.mark.parametrize("spec", [COUNT, SWITCH])
def test_arguments_that_are_elsewhere_here(kptrace: Command, build: Any, spec: str) -> None:
    """The object would read the wrong ones, and nobody would see."""
    path = build(f"{spec} {EXIT}")
    elsewhere(path)
    assert kptrace("-q", str(path)).status == 0
    (variant,) = read(str(path)).variants
    kinds = ("tracepoint", "rawtracepoint")
    facts = tuple(("int other@8:8", *one[1:]) if one[1] in kinds else one for one in variant.facts)
    assert facts != variant.facts
    change(path, facts=facts)
    done = kptrace("-q", str(path))
    assert done.status == Exit.ATTACH
    assert "int other@8:8; here: " in done.error


FACTS = {
    "enumerator": "rawtracepoint:sched_switch { if (args.prev.pid == PIDTYPE_SID) { print(1); } }",
    "field": SWITCH,
    "layout": "begin { print(sizeof(struct task_struct)); }",
    "enum": "rawtracepoint:sched_switch { if (args.prev.pid == -7) {"
    " print((enum pid_type)args.prev.pid); } }",
    "types": 'begin { print(kfunc_exist("bpf_cpumask_create")); }',
}


@pytest.mark.parametrize("kind", FACTS)
def test_what_went_into_it_as_a_number_is_asked_again(
    kptrace: Command, build: Any, kind: str
) -> None:
    path = build(f"{FACTS[kind]} {EXIT}")
    elsewhere(path)
    (variant,) = read(str(path)).variants
    facts = tuple(("another", *one[1:]) if one[1] == kind else one for one in variant.facts)
    assert facts != variant.facts
    assert kptrace("check", str(path)).status == 0
    change(path, facts=facts)
    done = kptrace("check", str(path))
    assert done.status == Exit.ATTACH
    assert "another; here: " in done.output


@pytest.mark.parametrize(
    "spec",
    [
        "#include <stddef.h>\nbegin { print(sizeof(size_t)); }",
        "#include_next <stddef.h>\nbegin { print(sizeof(size_t)); }",
        "kprobe:vfs_read+4 { }",
    ],
)
def test_what_is_right_with_the_same_types_only(build: Any, spec: str) -> None:
    """Headers are of one kernel, perhaps, and so are the places of instructions."""
    (variant,) = read(str(build(spec))).variants
    assert variant.facts == ((variant.kernels[0].types, "types"),)


def test_a_name_that_was_absent_is_asked_for_again(
    kptrace: Command, build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A choice that was made without it is another one where it is."""
    hook = Hook(
        name="test:choice",
        summary="",
        args={"bits": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:sched_switch",
                where=("args.prev.pid == NO_SUCH_NAME", "args.prev.pid == -7"),
                values={"bits": ("args.next.none_such", "args.next.pid")},
            ),
        ),
    )
    monkeypatch.setitem(hooks.HOOKS, hook.name, hook)
    path = build(f"hook:test:choice {{ print(args.bits); }} {EXIT}")
    (variant,) = read(str(path)).variants
    assert ("", "enumerator", "NO_SUCH_NAME") in variant.facts
    assert ("", "field", "struct", "task_struct", "none_such") in variant.facts
    elsewhere(path)
    assert kptrace("check", str(path)).status == 0
    # as if this kernel had the names that the other had not
    there = {"NO_SUCH_NAME": "PIDTYPE_SID", "none_such": "pid"}
    facts = tuple(tuple(there.get(word, word) for word in one) for one in variant.facts)
    change(path, facts=facts)
    done = kptrace("check", str(path))
    assert done.status == Exit.ATTACH
    assert "enumerator PIDTYPE_SID: not there; here: 3" in done.output
    assert "field struct task_struct pid: not there; here: " in done.output


@pytest.mark.parametrize(
    "changes",
    [
        {"facts": (("1", "of the future", "a"),)},
        {"facts": (("1", "enumerator"),)},
        {"facts": (("1", "field", "class", "a", "b"),)},
        {"facts": (("1", "of a module"),)},
        {"features": ("of_the_future",)},
    ],
)
def test_what_only_a_newer_kptrace_can_ask(kptrace: Command, build: Any, changes: Any) -> None:
    path = build(EXIT)
    elsewhere(path)
    change(path, **changes)
    done = kptrace("check", str(path))
    assert done.status == Exit.ATTACH
    assert "it needs a newer kptrace, for " in done.output


def test_a_newer_format_is_told(kptrace: Command, build: Any) -> None:
    path = build(EXIT)
    newer = pack_preamble(dataclasses.replace(BUNDLE, minor=BUNDLE.minor + 1))
    path.write_bytes(newer + path.read_bytes()[len(newer) :])
    for command in ("run", "check"):
        done = kptrace(command, str(path))
        assert done.status == 0
        assert "WARNING: the bundle is of format 1.1, and this kptrace reads 1.0" in done.error


def test_what_a_module_told_is_asked_where_the_kernel_is_the_same(
    kptrace: Command, build: Any
) -> None:
    """Its own types may be others with the same types of the core kernel."""
    path = build(EXIT)
    for question in (
        ("of a module", "enumerator", "NO_SUCH_NAME"),
        ("function", "no_such", "no_module"),
        ("rawtracepoint", "no_such", "no_module"),
    ):
        change(path, facts=(("1", *question),))
        done = kptrace("check", str(path))
        assert done.status == Exit.ATTACH
        assert f"{' '.join(question)}: 1; here: not there" in done.output


def test_names_do_not_control_the_terminal(kptrace: Command, build: Any) -> None:
    path = build(EXIT)
    (variant,) = read(str(path)).variants
    kernel = dataclasses.replace(variant.kernels[0], release="5.0\033]0;x\a")
    programs = tuple(
        dataclasses.replace(one, label="l\033[2J", notes=("n\033",))
        for one in variant.plan.programs
    )
    change(path, kernels=(kernel,), programs=programs)
    for line in (("check", str(path)), ("run", "-v", str(path))):
        done = kptrace(*line)
        assert done.status == 0
        assert "for 5.0\\x1b]0;x\\x07" in done.output + done.error
        assert "l\\x1b[2J" in done.output + done.error
        assert "\033" not in done.output + done.error


def test_a_place_that_is_missing(kptrace: Command, build: Any) -> None:
    path = build(f"tracepoint:sched:sched_switch {{ }} {EXIT}")
    moved(path, "sched_none", probe="tracepoint:sched:sched_none")
    done = kptrace(str(path))
    assert done.status == Exit.ATTACH
    assert "tracepoint:sched:sched_none: this kernel has no such tracepoint" in done.error


def test_a_wildcard_was_resolved_when_it_was_built(kptrace: Command, build: Any) -> None:
    spec = "tracepoint:sched:sched_wak* {{ }} {}"
    path = build(spec.format(EXIT))
    done = kptrace("-q", str(path))
    assert done.status == 0
    assert "what modules that were loaded since have is not probed" in done.error
    elsewhere(path)
    done = kptrace("-q", str(path))
    assert done.status == 0
    told = "tracepoint:sched:sched_wak* was resolved when the bundle was built, for 5.0"
    assert told in done.error
    for policy, status in (("error", Exit.ATTACH), ("warn", 0), ("ignore", 0)):
        config = "config = { missing_probes = POLICY } ".replace("POLICY", policy)
        path = build(config + spec.format(EXIT))
        (variant,) = read(str(path)).variants
        first, *rest = variant.plan.programs
        gone = dataclasses.replace(first.targets[0], name="gone", probe="tracepoint:sched:gone")
        many = dataclasses.replace(first, targets=(gone, *first.targets[1:]))
        change(path, programs=(many, *rest))
        done = kptrace("-q", str(path))
        assert done.status == status
        assert ("tracepoint:sched:gone" in done.error) == (policy != "ignore")


def test_processes_in_a_container(
    kptrace: Command, build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(build("begin { print(pid); exit(); }"))
    assert "namespace" not in kptrace(path).error
    monkeypatch.setattr(host, "pid_namespace", lambda root: (4, 1))
    assert "pid and tid are those of the initial pid namespace" in kptrace(path).error
    assert "namespace" not in kptrace(str(build(EXIT))).error


def test_another_architecture(kptrace: Command, build: Any) -> None:
    path = build(EXIT)
    write(dataclasses.replace(read(str(path)), arch="aarch64"), str(path))
    done = kptrace(str(path))
    assert done.status == Exit.HOST
    assert "the bundle is for aarch64, and this is x86_64" in done.error


# Building for others


def test_equal_variants_are_one(kptrace: Command, build: Any, tmp_path: Path) -> None:
    kernel = tmp_path / "kernel"
    assert kptrace("doctor", "--export", str(kernel)).status == 0
    path = build(f"{COUNT} {SWITCH} {EXIT}", "--kernel", str(kernel))
    assert len(read(str(path)).variants) == 1
    (kernel / "proc/sys/kernel/osrelease").write_text("7.0-other\n")
    known = json.loads((kernel / "features.json").read_text())
    (kernel / "features.json").write_text(json.dumps(known | {"loop": False}))
    path = build("begin { if (nsecs == 1) { @[1] = 2; } exit(); }", "--kernel", str(kernel))
    assert read(str(path)).variants[0].made_for.endswith(", 7.0-other")


def test_for_another_kernel_only(kptrace: Command, build: Any, tmp_path: Path) -> None:
    """What this kernel does not have, another may; it is told."""
    kernel = tmp_path / "kernel"
    assert kptrace("doctor", "--export", str(kernel)).status == 0
    events = kernel / "sys/kernel/tracing/events/sched"
    (events / "sched_switch").rename(events / "sched_other")
    names = kernel / "sys/kernel/tracing/available_events"
    names.write_text(names.read_text().replace("sched:sched_switch\n", "sched:sched_other\n"))
    (kernel / "proc/sys/kernel/osrelease").write_text("7.0-other\n")
    spec = "tracepoint:sched:sched_other { }"
    path = tmp_path / "a.kpb"
    line = ("build", "-o", str(path), "-e", spec)
    assert kptrace(*line).status == Exit.ATTACH
    done = kptrace(*line, "--kernel", str(kernel))
    assert done.status == 0
    assert "WARNING: the bundle is not for this kernel, only for the others" in done.error
    assert done.output == f"{path}: x86_64, for 7.0-other\n"
    done = kptrace(str(path))
    assert done.status == Exit.ATTACH
    assert "variant 1, for 7.0-other: tracepoint:sched:sched_other: this kernel has" in done.error


def test_what_a_bundle_is_shows(kptrace: Command) -> None:
    shown = kptrace("check", str(KEPT))
    assert shown.status == 0
    digest = read(str(KEPT)).specification.sha256
    assert f"sha256 of the specification: {digest}" in shown.output
    assert "built with 5" in shown.output
    assert digest in kptrace("-v", str(KEPT)).error
    for more in (("-f", "json"), ("--kernel", "/nowhere")):
        assert kptrace("check", *more, str(KEPT)).status == Exit.USAGE
    assert kptrace("run", str(KEPT), "--help").status == 0
