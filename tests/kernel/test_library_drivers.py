# SPDX-License-Identifier: MIT
"""The library's probes of interrupts, deferred work and drivers, against the kernel's books."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import stat, stat_since
from harness import Kptrace, run_as
from workloads import disk_io

DATAGRAMS = 101


def _softirqs() -> dict[str, int]:
    """How often each vector ran, by /proc/softirqs."""
    rows = [line.split() for line in Path("/proc/softirqs").read_text().splitlines()[1:]]
    return {row[0].rstrip(":"): sum(map(int, row[1:])) for row in rows}


def _interrupts(device: str) -> int:
    """How often a device's interrupts came, by /proc/interrupts."""
    rows = [line.split() for line in Path("/proc/interrupts").read_text().splitlines()[1:]]
    return sum(int(one) for row in rows if device in row[-1] for one in row[1:] if one.isdigit())


def _processed() -> int:
    """Packets that all CPUs took in, by /proc/net/softnet_stat."""
    rows = Path("/proc/net/softnet_stat").read_text().splitlines()
    return sum(int(row.split()[0], 16) for row in rows)


def _datagrams() -> None:
    """Packets over the loopback interface, one after the other."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        there.bind(("127.0.0.1", 0))
        there.settimeout(30)
        for _ in range(DATAGRAMS):
            here.sendto(b"x", there.getsockname())
            there.recv(1)


def test_softirqs(kptrace: Kptrace) -> None:
    """Each vector ran as often as /proc/softirqs says, between a count inside and one around."""
    inside: list[dict[str, int]] = []

    def work() -> None:
        inside.append(_softirqs())
        run_as("sender", _datagrams)
        inside.append(_softirqs())

    before = _softirqs()
    run = kptrace.during(work, "run", "softirqs")
    after = _softirqs()
    counts = run.counts("@run_us")
    for vector in before:
        least = inside[1][vector] - inside[0][vector]
        assert least <= counts.get(vector, 0) <= after[vector] - before[vector], vector
    assert counts["NET_RX"] >= DATAGRAMS
    assert run.counts("@wait_us")["NET_RX"] >= DATAGRAMS


def test_napi_polls(kptrace: Kptrace) -> None:
    """Packets over the loopback interface go through the queues of the CPUs, each once."""
    processed = []

    def work() -> None:
        processed.append(_processed())
        run_as("sender", _datagrams)
        processed.append(_processed())

    run = kptrace.during(work, "run", "napipoll")
    assert run.maps["@total"]["backlog"] == processed[1] - processed[0] == DATAGRAMS


def test_work_items(kptrace: Kptrace) -> None:
    """Each look at stat_refresh is a work item on each CPU."""

    def work() -> None:
        for _ in range(13):
            Path("/proc/sys/vm/stat_refresh").read_bytes()

    run = kptrace.during(lambda: run_as("looker", work), "run", "workqueues")
    assert run.counts("@wait_us")["refresh_vm_stats"] == 13 * 2
    assert run.counts("@run_us")["refresh_vm_stats"] == 13 * 2


def test_timers(kptrace: Kptrace) -> None:
    """An interval timer of a process fires once for each signal that it gets."""

    def work() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        for _ in range(17):
            signal.sigwait({signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, 0)

    run = kptrace.during(lambda: run_as("timed", work), "run", "timers")
    # One more may have fired before the timer was stopped.
    assert run.counts("@run_ns")["it_real_fn"] in (17, 18)
    late = run.percentiles("@late_ns")["it_real_fn"]
    assert late["count"] == run.counts("@run_ns")["it_real_fn"]
    assert 0 <= late["min"] <= late["p50"] < 20_000_000


@pytest.fixture
def _threaded_nvme() -> Iterator[None]:
    """The NVMe driver with threads for its interrupts."""
    _load_nvme("use_threaded_interrupts=1")
    yield
    _load_nvme()


def _load_nvme(*settings: str) -> None:
    subprocess.run(["modprobe", "-r", "nvme"], check=True)
    subprocess.run(["modprobe", "nvme", *settings], check=True)
    deadline = time.monotonic() + 60
    while not Path("/dev/nvme0n1").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # Partitions are looked for when the disk appears.
    time.sleep(1)


@pytest.mark.usefixtures("_threaded_nvme")
def test_threaded_interrupts(kptrace: Kptrace) -> None:
    """Each interrupt of a request runs the thread once, where requests come one by one."""
    came = []

    def work() -> None:
        came.append(_interrupts("nvme0q"))
        run_as("disk", disk_io("/dev/nvme0n1", 43, 0))
        came.append(_interrupts("nvme0q"))

    run = kptrace.during(work, "run", "irqthreads")
    for name in ("@wait_us", "@run_us"):
        counts = {key: count for key, count in run.counts(name).items() if "nvme0q" in key}
        assert sum(counts.values()) == came[1] - came[0] == 43, name


def test_nvme_queues(kptrace: Kptrace) -> None:
    """The commands of all queues are the requests that the disk completed."""
    before = stat("nvme0n1")
    run = kptrace.during(
        lambda: run_as("disk", disk_io("/dev/nvme0n1", 61, 37)), "run", "nvmequeues"
    )
    did = stat_since("nvme0n1", before)
    done = {"read": 0, "write": 0}
    for key, count in run.counts("@us").items():
        controller, queue, operation = key.split(",")
        assert controller == "0"
        if queue != "0":
            done[operation] += count
    assert done == {"read": did["reads"], "write": did["writes"]} == {"read": 61, "write": 37}
    assert "@status" not in run.maps


def test_virtio_queues(kptrace: Kptrace) -> None:
    """Each request of a virtio disk is one buffer in one of its queues, and comes back."""
    device = Path("/sys/block/vda/device").resolve().name
    before = stat("vda")
    run = kptrace.during(lambda: run_as("disk", disk_io("/dev/vda", 53, 31)), "run", "virtioqueues")
    did = stat_since("vda", before)
    assert did["reads"] + did["writes"] == 84
    for counts in (run.counts("@us"), run.maps["@lent"]):
        found = {key: count for key, count in counts.items() if key.startswith(f"{device},")}
        assert sum(found.values()) == 84
        assert all(key.startswith(f"{device},req.") for key in found)


def test_dma_mappings(kptrace: Kptrace) -> None:
    """Each request of one page is one mapping of its size."""
    run = kptrace.during(lambda: run_as("disk", disk_io("/dev/nvme0n1", 41, 29)), "run", "dmamap")
    (key,) = (key for key in run.maps["@bytes"] if key.startswith("nvme,"))
    sizes = run.percentiles("@bytes")[key]
    assert (sizes["count"], sizes["min"], sizes["max"]) == (70, 4096, 4096)
    released = run.counts("@us").get(key, 0)
    # Where it would do nothing, the driver does not unmap since Linux 6.17.
    assert released in (0, 70)
    assert run.maps["@held"][key] == 70 - released


def test_dma_lists(kptrace: Kptrace) -> None:
    """What is mapped for requests of many pages is what the disk transferred, list or not."""
    before = stat("nvme0n1")
    run = kptrace.during(
        lambda: run_as("disk", disk_io("/dev/nvme0n1", 23, 0, 1 << 16)), "run", "dmamap"
    )
    did = stat_since("nvme0n1", before)
    assert (did["reads"], did["sectors_read"]) == (23, 23 * 128)
    (key,) = (key for key in run.maps["@bytes"] if key.startswith("nvme,"))
    sizes = run.percentiles("@bytes")[key]
    # The mean is rounded to a unit.
    assert sizes["mean"] * sizes["count"] == pytest.approx(23 << 16, abs=sizes["count"])
    if "@areas" in run.maps:
        # The driver maps areas one by one since Linux 6.17.
        assert run.counts("@areas")[key] == sizes["count"] == 23
        assert run.counts("@us")[key] == 23
        assert run.maps["@held"][key] == 0


@pytest.fixture
def dummy() -> Iterator[str]:
    """A network device whose driver throws away what it is given, and gets nothing by itself."""
    subprocess.run(["modprobe", "dummy", "numdummies=1"], check=True)
    Path("/proc/sys/net/ipv6/conf/dummy0/disable_ipv6").write_text("1")
    subprocess.run(["ip", "link", "set", "dummy0", "arp", "off", "up"], check=True)
    yield "dummy0"
    subprocess.run(["modprobe", "-r", "dummy"], check=True)


def test_driver(kptrace: Kptrace, dummy: str) -> None:
    """A driver's function that sends a packet is called once for each."""
    sent = Path(f"/sys/class/net/{dummy}/statistics/tx_packets")
    before = int(sent.read_text())

    def work() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind((dummy, 0))
            for _ in range(31):
                raw.send(bytes(60))

    run = kptrace.during(lambda: run_as("sender", work), "run", "driverlatency", "dummy")
    assert int(sent.read_text()) - before == 31
    assert run.counts("@ns")["dummy_xmit"] == 31
    assert set(run.counts("@ns")) <= {"dummy_xmit", "dummy_get_stats64"}
