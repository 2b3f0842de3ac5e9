# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

from kptrace.kernel import Kernel, host


def test_facts(kernel: Kernel, root: Path) -> None:
    facts = kernel.host
    assert facts.release == kernel.release == "6.1.0-1-test"
    assert facts.arch == kernel.arch == "aarch64"
    assert facts.lockdown == "integrity"
    assert facts.perf_event_paranoid == 3
    assert (facts.kptr_restrict, facts.jit, facts.unprivileged_bpf_disabled) == (0, 1, 2)
    assert facts.capabilities == frozenset({"BPF", "PERFMON"})
    assert (facts.has_kprobes, facts.kprobe_pmu, facts.retprobe_bit) == (True, 8, 0)
    assert facts.has_tracefs
    assert not facts.has_btf
    assert facts.headers == ""
    assert facts.online_cpus == (0, 1, 2, 5)
    assert facts.possible_cpus == tuple(range(8))
    assert facts.memory_available == 1024000 * 1024


def test_unknown_facts(tmp_path: Path) -> None:
    facts = host.read_host(tmp_path)
    assert facts.has_kprobes is None
    assert facts.capabilities is None
    assert facts.lockdown is None
    assert facts.online_cpus is None
    assert facts.perf_event_paranoid is None
    assert facts.memory_available is None
    assert facts.release  # the running kernel's


def test_as_dict_is_json(kernel: Kernel) -> None:
    document = json.loads(json.dumps(kernel.host.as_dict()))
    assert document["capabilities"] == ["BPF", "PERFMON"]
    assert document["online_cpus"] == [0, 1, 2, 5]


def test_kprobes_without_pmu(root: Path) -> None:
    (root / "sys/bus/event_source/devices/kprobe").rename(root / "elsewhere")
    assert host.read_host(root).has_kprobes is True
    path = root / "proc/kallsyms"
    path.write_text(path.read_text().replace(" register_kprobe\n", " something\n"))
    assert host.read_host(root).has_kprobes is False


def test_lockdown(root: Path) -> None:
    path = root / "sys/kernel/security/lockdown"
    path.write_text("[none] integrity confidentiality\n")
    assert host.lockdown(root) == "none"
    path.unlink()
    assert host.lockdown(root) is None
    (path.parent / "lsm").write_text("capability,yama\n")
    assert host.lockdown(root) == "none"


def test_fixed_addresses(root: Path) -> None:
    path = root / "proc/sys/kernel/randomize_va_space"
    path.unlink(missing_ok=True)
    assert not host.fixed_addresses(root)  # unknown
    path.write_text("2\n")
    assert not host.fixed_addresses(root)
    path.write_text("0\n")
    assert host.fixed_addresses(root)


def test_headers(root: Path) -> None:
    modules = root / "lib/modules/6.1.0-1-test"
    (modules / "build/include/generated").mkdir(parents=True)
    assert host.headers(root) == ""  # the generated half alone
    (root / "sys/kernel/kheaders.tar.xz").touch()
    assert host.headers(root).endswith("kheaders.tar.xz")
    for half in ("build", "source"):
        (modules / half / "include/linux").mkdir(parents=True)
        (modules / half / "include/linux/kconfig.h").touch()
        assert host.headers(root) == str(modules / half)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("0", (0,)),
        ("0-3,8", (0, 1, 2, 3, 8)),
        ("", ()),
        (None, None),
        ("nonsense", None),
        ("1-", None),
    ],
)
def test_cpu_list(text: str | None, numbers: tuple[int, ...] | None) -> None:
    assert host.cpu_list(text) == numbers


def test_headers_where_nobody_may_look(tmp_path: Path) -> None:
    """A directory that this user cannot search is no reason to fail."""
    closed = tmp_path / "lib/modules/6.1.0-test/source/include/linux"
    closed.mkdir(parents=True)
    (tmp_path / "proc/sys/kernel").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/osrelease").write_text("6.1.0-test\n")
    (closed / "kconfig.h").touch()
    assert host.headers(tmp_path)
    tmp_path.chmod(0o755)
    for folder in (tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    (tmp_path / "lib/modules/6.1.0-test/source").chmod(0o700)
    child = os.fork()
    if child == 0:
        os.setresuid(65534, 65534, 65534)
        try:
            os._exit(0 if host.headers(tmp_path) == "" else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def note(name: bytes, kind: int, data: bytes) -> bytes:
    padded = [part.ljust(-(-len(part) // 4) * 4, b"\0") for part in (name, data)]
    return struct.pack("=III", len(name), len(data), kind) + b"".join(padded)


def test_the_build_id_is_among_the_notes(tmp_path: Path) -> None:
    assert host.build_id(tmp_path) == ""
    (tmp_path / "sys/kernel").mkdir(parents=True)
    notes = note(b"Linux\0", 257, b"abc") + note(b"GNU\0", 3, bytes(range(20)))
    (tmp_path / "sys/kernel/notes").write_bytes(notes)
    assert host.build_id(tmp_path) == bytes(range(20)).hex()
    (tmp_path / "sys/kernel/notes").write_bytes(notes[:30])
    assert host.build_id(tmp_path) == ""


def test_the_boot_id_is_read(tmp_path: Path) -> None:
    assert host.boot_id(tmp_path) == ""
    (tmp_path / "proc/sys/kernel/random").mkdir(parents=True)
    (tmp_path / "proc/sys/kernel/random/boot_id").write_text("abc\n")
    assert host.boot_id(tmp_path) == "abc"
