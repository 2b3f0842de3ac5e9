# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kptrace.kernel import Kernel
from kptrace.kernel.kallsyms import Symbol, Symbols

VFS_READ = Symbol(address=0xFFFFFFFF81000110, type="T", name="vfs_read")


def symbols_of(directory: Path, text: str) -> Symbols:
    (directory / "proc").mkdir(parents=True, exist_ok=True)
    (directory / "proc/kallsyms").write_text(text)
    return Symbols(directory)


def hide_addresses(root: Path) -> None:
    path = root / "proc/kallsyms"
    lines = path.read_text().splitlines()
    path.write_text("".join("0" * 16 + line[16:] + "\n" for line in lines))


def test_lookup(kernel: Kernel) -> None:
    assert kernel.symbols.lookup("vfs_read") == [VFS_READ]
    assert kernel.symbols.lookup("vfs_rea") == []
    assert kernel.symbols.lookup("fs_read") == []
    assert kernel.symbols.lookup("") == []


def test_lookup_in_modules(kernel: Kernel) -> None:
    lookup = kernel.symbols.lookup
    assert [one.module for one in lookup("same_name")] == ["ext4", "jbd2"]
    assert [one.module for one in lookup("same_name", "jbd2")] == ["jbd2"]
    assert lookup("same_name", "vmlinux") == []
    assert lookup("vfs_read", "vmlinux") == lookup("vfs_read", "") == [VFS_READ]
    assert lookup("vfs_read", "ext4") == []


@pytest.mark.parametrize("name", ["__pfx_vfs_read", "start_kernel", "counter", "jiffies_data"])
def test_what_cannot_run_is_listed_only_on_demand(kernel: Kernel, name: str) -> None:
    assert kernel.symbols.lookup(name) == []
    assert [one.name for one in kernel.symbols.lookup(name, text=False)] == [name]


def test_shared_names(kernel: Kernel) -> None:
    lookup = kernel.symbols.lookup
    assert kernel.symbols.shared(rb"[a-z_]*") == {
        name: lookup(name) for name in ("show", "cleanup_module", "same_name")
    }
    assert kernel.symbols.shared(rb"sh[a-z_]*") == {"show": lookup("show")}


def test_functions_that_have_a_name_alone(kernel: Kernel) -> None:
    assert kernel.symbols.alone(["vfs_read", "show", "jiffies_data", "absent"]) == {
        "vfs_read": VFS_READ.address
    }


def test_clones(kernel: Kernel) -> None:
    clones = kernel.symbols.clones
    assert clones("finish_task_switch") == ["finish_task_switch.isra.0"]
    assert clones("finish_task_switch", "vmlinux") == ["finish_task_switch.isra.0"]
    assert clones("finish_task_switch", "ext4") == []
    assert clones("vfs_read") == []  # only a cold part


@pytest.mark.parametrize(
    ("typo", "meant"),
    [("vfs_raed", "vfs_read"), ("fvs_read", "vfs_read"), ("ext4_sync", "ext4_sync_file")],
)
def test_near(kernel: Kernel, typo: str, meant: str) -> None:
    assert meant in kernel.symbols.near(typo)


def test_symbols_that_come_and_go_are_noticed(root: Path) -> None:
    symbols = Symbols(root)
    assert symbols.lookup("vfs_read")
    assert list(symbols.names(b"vfs_read"))
    assert not symbols.met_passing
    assert symbols.lookup("bpf_prog_6deef7357e7b4530_block")
    assert symbols.met_passing
    symbols = Symbols(root)
    assert list(symbols.names(rb"bpf_prog_\w*"))
    assert symbols.met_passing


def test_near_nothing(kernel: Kernel) -> None:
    assert kernel.symbols.near("qqqqqqqq") == ()
    assert kernel.symbols.near("x") == ()


def test_hidden_addresses_keep_names(root: Path) -> None:
    hide_addresses(root)
    symbols = Symbols(root)
    assert symbols.readable
    assert symbols.addresses_hidden
    assert [one.address for one in symbols.lookup("vfs_read")] == [0]
    assert symbols.lookup("start_kernel") == []  # init code is told by its place
    assert symbols.resolve(VFS_READ.address) is None
    assert symbols.size(symbols.lookup("vfs_read")[0]) is None


@pytest.mark.parametrize("missing", [True, False])
def test_unreadable_is_unknown(root: Path, missing: bool) -> None:
    path = root / "proc/kallsyms"
    path.unlink()
    if not missing:
        path.write_bytes(b"")
    symbols = Symbols(root)
    assert not symbols.readable
    assert "kallsyms" in symbols.problem
    assert not symbols.addresses_hidden
    assert symbols.lookup("vfs_read") == []
    assert symbols.resolve(VFS_READ.address) is None


# Addresses


@pytest.mark.parametrize(
    ("address", "name", "offset"),
    [
        (0xFFFFFFFF81000110, "vfs_read", 0),
        (0xFFFFFFFF810001FF, "vfs_read", 0xEF),
        (0xFFFFFFFF81000005, "_text", 5),  # the first of two names
        (0xFFFFFFFFA0001105, "ext4_file_read_iter", 5),
        (0xFFFFFFFFA0000000, "jbd2_journal_commit_transaction", 0),  # modules are not sorted
    ],
)
def test_resolve(kernel: Kernel, address: int, name: str, offset: int) -> None:
    found = kernel.symbols.resolve(address)
    assert found is not None
    assert (found[0].name, found[1]) == (name, offset)


@pytest.mark.parametrize(
    "address",
    [
        0,
        0x1008,  # an offset into per-CPU data
        0x7F0012345678,
        0xFFFFFFFF90000000,  # between the core kernel and the modules
        0xFFFFFFFFB0000000,  # behind a module
        0xFFFFFFFFFFFFFFFF,
    ],
)
def test_resolve_nothing(kernel: Kernel, address: int) -> None:
    assert kernel.symbols.resolve(address) is None


def test_aliases(kernel: Kernel) -> None:
    symbols = kernel.symbols
    assert symbols.aliases(symbols.lookup("vfs_readv_alias")[0]) == ["vfs_readv"]
    assert symbols.aliases(VFS_READ) == []


def test_size(kernel: Kernel) -> None:
    assert kernel.symbols.size(VFS_READ) == 0xF0
    assert kernel.symbols.size(kernel.symbols.lookup("ext4_sync_file")[0]) == 0x100


@settings(deadline=None)  # a loaded machine is no failure
@given(
    steps=st.lists(st.integers(min_value=0, max_value=64), min_size=1, max_size=60),
    queries=st.lists(st.integers(min_value=0, max_value=9000), min_size=1, max_size=20),
    is_sorted=st.booleans(),
)
def test_resolve_agrees_with_a_scan(
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[int],
    queries: list[int],
    is_sorted: bool,
) -> None:
    base = 0xFFFFFFFF81000000
    addresses = [base + sum(steps[: at + 1]) for at in range(len(steps))]
    lines = [f"{address:016x} t f{at}\n" for at, address in enumerate(addresses)]
    # The reader must notice that the order is wrong and index the lines instead.
    text = "".join(lines if is_sorted else reversed(lines))
    symbols = symbols_of(tmp_path_factory.mktemp("kallsyms"), text)
    for query in queries:
        at = base + query
        below = [address for address in addresses if address <= at]
        found = symbols.resolve(at)
        if not below or at >= addresses[-1] + 4096:
            assert found is None
        else:
            assert found is not None
            assert found[0].address == below[-1]
            assert found[1] == at - below[-1]
