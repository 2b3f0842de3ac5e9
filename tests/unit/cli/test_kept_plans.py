# SPDX-License-Identifier: MIT
"""A specification that ran before is not compiled again, and nothing stale is ever run."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from kptrace import store, toolchain
from kptrace.cli import compiling, kept_plans
from kptrace.cli.spec import Given
from kptrace.kernel import files, identity
from kptrace.runtime import features
from kptrace.source import Source

Command = Callable[..., Any]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="running programs needs root")

SPECS = {
    "print": 'begin { print((1, "two", comm)); }',
    "maps": 'begin { @a = hist(5); @b[1, "x"] = lhist(3, 0, 10, 2); @c = (int8)-4; @d = avg(3); }',
    "exit": 'begin { printf("%s %d\\n", "so", -3); exit(7); }',
    "tracepoint": "tracepoint:syscalls:sys_enter_openat { if (args.dfd == 77777) { print(1); } }"
    " begin { exit(); }",
    "rawtracepoint": "rawtracepoint:sched_switch { if (args.prev.pid == -7) { print(1); } }"
    " begin { print(3); exit(); }",
    "timer": 'interval:ms:1 { time("tick\\n"); exit(); }',
    "parameter": "begin { print($1); print(str($2)); }",
    "struct": "struct pair { int a; long b; } begin { print(sizeof(struct pair)); }",
    "stack": 'begin { $a = kstack(2); print(strlen("abc")); }',
}


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "kept"
    monkeypatch.setattr(store, "directory", lambda: place)
    return place


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, what compiles fails."""

    def refuse(*arguments: object, **named: object) -> NoReturn:
        raise AssertionError("compiled again")

    return lambda: monkeypatch.setattr(compiling, "compile_given", refuse)


def plans(place: Path) -> list[Path]:
    return sorted(place.glob("*.plan"))


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_second_run_is_as_the_first(
    kptrace: Command, no_compiler: Callable[[], None], kept: Path, name: str, form: str
) -> None:
    line = ("-f", form, "-e", SPECS[name], "11", "word")
    first = kptrace(*line)
    assert first.status in (0, 7)
    assert len(plans(kept)) == 1
    no_compiler()
    second = kptrace(*line)
    if form == "text":  # JSON has times in it
        assert second.output == first.output
    assert (second.status, second.error) == (first.status, first.error)
    assert len(second.output.splitlines()) == len(first.output.splitlines())


def test_a_plan_of_text_serves_json(kptrace: Command, no_compiler: Callable[[], None]) -> None:
    kptrace("-e", SPECS["print"])
    no_compiler()
    found = kptrace("-q", "-f", "json", "--duration", "1", "-e", SPECS["print"])
    assert "two" in found.output
    assert found.status == 0


NEVER = {
    "cgroupid": ("-e", 'begin { print(cgroupid("/sys/fs/cgroup")); }'),
    "cpid": ("-c", "/bin/true", "-e", "begin { print(cpid); }"),
    "include": ("-e", "#include <stddef.h>\nbegin { print(1); }"),
    "-v": ("-v", "-e", "begin { print(1); }"),
    "-d": ("-d", "plan", "-e", "begin { print(1); }"),
    "--dry-run": ("--dry-run", "-e", "begin { print(1); }"),
    "--test": ("--test", "-e", "test:a { print(1); }"),
}


@pytest.mark.parametrize("why", NEVER)
def test_what_is_never_kept(kptrace: Command, kept: Path, why: str) -> None:
    kptrace(*NEVER[why])
    assert not plans(kept)


def test_with_a_warning_it_is_compiled_and_told_each_time(kptrace: Command, kept: Path) -> None:
    line = ("-e", "config = { missing_probes = warn } tracepoint:no:such { } begin { exit(); }")
    first = kptrace(*line)
    assert "WARNING" in first.error
    assert not plans(kept)
    assert kptrace(*line) == first


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EMFILE])
def test_an_answer_in_a_shortage_is_not_kept(
    kptrace: Command, kept: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """It says that the kernel may have the feature, and next time the kernel can be asked."""

    def short() -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setitem(features._TESTS, "get_func_ip", short)
    features.has.cache_clear()
    assert kptrace("-e", SPECS["print"]).status == 0
    assert not plans(kept)
    assert features.has("get_func_ip") is None
    features.has.cache_clear()
    monkeypatch.undo()
    files.shortages.clear()


@pytest.mark.parametrize("command", ["check", "emit"])
def test_other_commands_compile(
    kptrace: Command, no_compiler: Callable[[], None], kept: Path, command: str
) -> None:
    line = ("-e", SPECS["print"])
    assert kptrace(command, *line).status == 0
    assert not plans(kept)


# The key


def key(
    text: str = "begin { }",
    parameters: tuple[str, ...] = (),
    named: dict[str, str | None] | None = None,
    others: tuple[object, ...] = (),
    name: str = "stdin",
    **changed: object,
) -> bytes | None:
    given = Given(source=Source(name=name, text=text), parameters=parameters, named=named or {})
    settings = {"only": "", "include": (), "search": (), "cpid": None, "unsafe": False} | changed
    found = kept_plans.request(given, settings, others)
    return None if found is None else found.key


DIFFERENT = {
    "text": key(text="begin {  }"),
    "name": key(name="a.bt"),
    "parameter": key(parameters=("1",)),
    "parameters": key(parameters=("1", "2")),
    "one-parameter": key(parameters=("1 2",)),
    "named": key(named={"a": "1"}),
    "named-none": key(named={"a": None}),
    "named-empty": key(named={"a": ""}),
    "filter": key(only="x"),
    "unsafe": key(unsafe=True),
    "search": key(search=("/tmp",)),
    "command": key(cpid=12),
    "others": key(others=("multi",)),
}


def test_every_part_makes_another_key() -> None:
    keys = [key(), *DIFFERENT.values()]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert key() == key()
    assert key(cpid=12) == key(cpid=13)  # a number that nobody asks for


@pytest.mark.parametrize("variable", ["BPFTRACE_MAX_STRLEN", "KPTRACE_CLANG"])
def test_the_environment_is_in_the_key(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    before = key()
    monkeypatch.setenv(variable, "/bin/true")
    assert key() != before


def test_the_kernel_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key()
    monkeypatch.setattr(kept_plans, "identity", lambda: ("another",))
    assert key() != before
    monkeypatch.setattr(kept_plans, "identity", lambda: None)
    assert key() is None


def test_clang_is_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    before = key()
    monkeypatch.setattr(toolchain, "identity", lambda path: "another")
    assert key() != before


def test_kptrace_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "kptrace"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "inner/part.py").write_text("a = 1")
    monkeypatch.setattr("kptrace.__file__", str(package / "__init__.py"))
    before = key()
    assert key() == before
    (package / "inner/part.py").write_text("a = 12")
    assert key() != before


@pytest.mark.parametrize(
    "text",
    [
        'import "a.bt"',
        "#  include <a.h>",
        '#incl\\\nude "a.h"',
        "fentry:bpf:prog { }",
        'begin { print(cgroupid("/a")); }',
    ],
)
def test_what_asks_for_more_has_no_key(text: str) -> None:
    assert key(text) is None
    assert key("fentry:$1:prog { }", parameters=("bpf",)) is None


# Files of the kernel that the compiler reads beside those of the identity: they change with the
# modules and the events that it has, or not at all.
FOLLOWING = re.compile(
    r"/proc/(?:kallsyms|modules)|/sys/kernel/btf(?:/\w+)?|/sys/kernel/debug/kprobes/blacklist"
    r"|/sys/kernel/tracing/(?:available_(?:events|filter_functions(?:_addrs)?)|events(?:/\S+)?)"
)
_READS = """
import json, sys
from kptrace.cli.compiling import compile_given
from kptrace.cli.spec import Given, open_kernel
from kptrace.errors import KptraceError
from kptrace.source import Source
read = set()
def watch(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, bytes)):
        read.add(str(arguments[0]))
for text in json.loads(sys.argv[1]):
    given = Given(source=Source(name="x", text=text))
    sys.addaudithook(watch)
    with open_kernel() as kernel:
        try:
            compile_given(given, kernel, percentiles=False, unsafe=True, session=True)
        except KptraceError as error:
            print(text, error, file=sys.stderr)
print(json.dumps(sorted(read)))
"""
ASKING = (
    SPECS["tracepoint"],
    "tracepoint:sched:* { @ = count(); }",
    "kprobe:vfs_read { @[kstack] = count(); }",
    "kprobe:vfs_* { @ = count(); }",
    "fentry:vfs_read { print(args.file); }",
    "hook:block:io_start { @ = count(); }",
    "rawtracepoint:sched_* { @ = count(); }",
    'profile:hz:99 { print((kaddr("vfs_read"), ncpus, pid, cgroup_path(cgroup))); }',
    "iter:task { print(ctx.task.comm); }",
    "tracepoint:kmem:kmalloc { print(args.gfp_flags); }",
)


def test_whatever_the_compiler_reads_is_in_the_key() -> None:
    command = [sys.executable, "-c", _READS, json.dumps(ASKING)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    read = [one for one in json.loads(done.stdout) if one.startswith(("/proc/", "/sys/"))]
    assert "/sys/kernel/tracing/events/sched/sched_switch/format" in read
    known = {f"/{one}" for one in identity.CONTENTS}
    assert not [one for one in read if one not in known and not FOLLOWING.fullmatch(one)]


# What is found


@pytest.fixture
def entry(kptrace: Command, kept: Path) -> Path:
    assert kptrace("-e", SPECS["print"]).status == 0
    (found,) = plans(kept)
    return found


@pytest.mark.parametrize("left", [0, 1, 3, 4, 5, 100, -1, -5000])
def test_a_torn_file_is_compiled_anew(kptrace: Command, entry: Path, left: int) -> None:
    whole = entry.read_bytes()
    entry.write_bytes(whole[:left])
    assert "two" in kptrace("-e", SPECS["print"]).output
    assert entry.read_bytes() == whole


@pytest.mark.parametrize("place", [0, 10, -5, -1, 3000])
def test_a_wrong_byte_is_compiled_anew(kptrace: Command, entry: Path, place: int) -> None:
    whole = bytearray(entry.read_bytes())
    whole[place] ^= 1
    entry.write_bytes(whole)
    assert "two" in kptrace("-e", SPECS["print"]).output
    assert entry.read_bytes() != whole


def test_another_request_of_the_same_name_is_not_taken(kptrace: Command, entry: Path) -> None:
    data = store.kept(entry.parent, entry.name)
    assert data is not None
    key, rest = data.split(b"\0", 1)
    store.keep(entry.parent, entry.name, key.replace(b"two", b"six") + b"\0" + rest)
    assert "two" in kptrace("-e", SPECS["print"]).output
    assert store.kept(entry.parent, entry.name) == data


def test_what_the_kernel_refuses_now_is_compiled_anew(kptrace: Command, entry: Path) -> None:
    data = store.kept(entry.parent, entry.name)
    assert data is not None
    key, plan, _ = data.split(b"\0", 2)
    store.keep(entry.parent, entry.name, b"\0".join((key, plan, b"no object")))
    found = kptrace("-e", SPECS["print"])
    assert ("two" in found.output, found.status) == (True, 0)
    assert "ERROR" not in found.error
    assert store.kept(entry.parent, entry.name) == data


def test_a_probe_that_is_gone_is_told(kptrace: Command, kept: Path) -> None:
    """As when its module went in the moment between: the old plan does not attach."""
    line = ("-e", SPECS["tracepoint"])
    assert kptrace(*line).status == 0
    (entry,) = plans(kept)
    data = store.kept(kept, entry.name)
    assert data is not None
    assert b"sys_enter_openat" in data
    key, plan, program = data.split(b"\0", 2)
    gone = plan.replace(b"sys_enter_openat", b"sys_enter_closed")
    store.keep(kept, entry.name, b"\0".join((key, gone, program)))
    found = kptrace(*line)
    assert (found.status, found.error.count("ERROR")) == (0, 0)
    assert store.kept(kept, entry.name) == data


@pytest.mark.parametrize("of", ["another", "all"])
def test_what_others_can_write_is_not_read(
    kptrace: Command, no_compiler: Callable[[], None], entry: Path, of: str
) -> None:
    if of == "another":
        os.chown(entry.parent, 1, 1)
    else:
        entry.parent.chmod(0o777)
    no_compiler()
    assert "compiled again" in kptrace("-e", SPECS["print"]).error


# What a start costs, counted and not timed

_WATCHED = """
import json, sys
before = set(sys.modules)
started = []
def watch(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "os.system"):
        started.append(event)
sys.addaudithook(watch)
from kptrace.__main__ import main
try:
    main()
finally:
    print(json.dumps([sorted(set(sys.modules) - before), started]), file=sys.stderr)
"""
OURS = "lang compiler kernel.btf kernel.kallsyms kernel.probeable kernel.libbpf cli.list cli.info"
THEIRS = "bcc tabulate pyroute2 hashlib subprocess socket shutil tempfile fractions"
COLD = (*(f"kptrace.{one}" for one in OURS.split()), *THEIRS.split())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a user whose cache is empty, which root's is not."""
    code = tmp_path / "sitecustomize.py"
    code.write_text(
        "import kptrace.store\nfrom pathlib import Path\n"
        f"kptrace.store.directory = lambda: Path({str(tmp_path / 'home')!r})\n"
    )
    return {**os.environ, "PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("name", ["print", "tracepoint"])
def test_a_warm_start_imports_no_compiler(home: dict[str, str], name: str) -> None:
    command = [sys.executable, "-c", _WATCHED, "-q", "-e", SPECS[name]]
    told = []
    for _ in range(2):
        done = subprocess.run(command, env=home, capture_output=True, text=True, check=True)
        told.append(json.loads(done.stderr.splitlines()[-1]))
    (cold_modules, cold_started), (modules, started) = told
    assert "kptrace.compiler" in cold_modules
    assert cold_started
    assert not started
    assert not [one for one in COLD if one in modules]
