# SPDX-License-Identifier: MIT
"""The library's probes of the network, against /proc/net/snmp, interfaces, tc and nftables."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Kptrace, Run, run_as
from networks import (
    CHAIN,
    TABLE,
    connections,
    counted_by_rules,
    dropped_by_discipline,
    received,
    rules_that_drop,
    send,
    shape,
    silent_device,
    snmp,
)

LONGEST_WAIT_S = 30


@pytest.fixture
def peer() -> Iterator[str]:
    """The address of somebody who never answers, behind the device `silent0`."""
    with silent_device("silent0") as address:
        yield address


def _sum(run: Run, name: str, *words: str) -> int:
    """The values of a map whose keys contain all of these words."""
    found = run.maps.get(name, {})
    return sum(value for key, value in found.items() if all(word in key for word in words))


def _tells_reasons() -> bool:
    """Whether packets are dropped with a reason."""
    return "reason" in Path("/sys/kernel/tracing/events/skb/kfree_skb/format").read_text()


def test_netdrops(kptrace: Kptrace) -> None:
    """Packets to a closed port, as the kernel counts them, with the device that they came by."""
    before = snmp("Udp", "NoPorts")
    run = kptrace.during(
        lambda: run_as("sender", lambda: send("127.0.0.1", 101)), "run", "netdrops"
    )
    place = ["udp", f",lo,{socket.if_nametoindex('lo')}"]
    if _tells_reasons():
        place.append("SKB_DROP_REASON_NO_SOCKET")
    assert _sum(run, "@drops", *place) == snmp("Udp", "NoPorts") - before == 101


def test_netdrops_by_namespace(kptrace: Kptrace) -> None:
    """With the inode of the namespace at the end of each key."""
    number = Path("/proc/self/ns/net").stat().st_ino

    def work() -> None:
        run_as("sender", lambda: send("127.0.0.1", 17))

    run = kptrace.during(work, "run", "netdrops", "--", "--netns")
    assert _sum(run, "@drops", "udp", ",lo,", f",{number}") == 17


def test_qdiscdrops(kptrace: Kptrace, peer: str) -> None:
    """A shaper that lets a few packets pass: what tc calls dropped."""
    shape("silent0", "tbf", "rate", "8kbit", "burst", "2000", "limit", "3000")
    command = ("run", "qdiscdrops")
    if not _tells_reasons():
        assert kptrace(*command).status == 4
        return
    run = kptrace.during(lambda: run_as("sender", lambda: send(peer, 59, 1000)), *command)
    dropped = dropped_by_discipline("silent0")
    assert _sum(run, "@drops", "silent0,tbf,") == dropped
    assert 50 < dropped < 59


def test_nfdrops(kptrace: Kptrace) -> None:
    """What a rule drops is counted under its hook, table and chain, as its own counter does."""
    subprocess.run(["modprobe", "nf_tables"], check=True)
    with (
        rules_that_drop("127.0.0.2") as nft,
        kptrace.tracing("run", "nfdrops", "-f", "json") as one,
    ):
        run_as("sender", lambda: send("127.0.0.2", 83))
        run_as("sender", lambda: send("127.0.0.1", 7))
        run = one.stop()
        counted = counted_by_rules(nft)
    assert run.status == 0, run
    assert run.maps["@drops_by_hook"] == {"ip,input,lo": counted}
    assert counted == 83
    if Path("/sys/kernel/btf/nf_tables").exists():
        assert run.maps["@drops_by_chain"] == {f"nftables,{TABLE},{CHAIN},input": 83}


def test_tcpretrans(kptrace: Kptrace, peer: str) -> None:
    """Connections that nobody answers: each start that is sent again, as the kernel counts it."""
    before = snmp("Tcp", "RetransSegs")

    def connect() -> None:
        sockets = [socket.socket() for _ in range(5)]
        for one in sockets:
            one.setblocking(False)
            one.connect_ex((peer, 80))
        give_up = time.monotonic() + LONGEST_WAIT_S
        while snmp("Tcp", "RetransSegs") - before < 10:
            assert time.monotonic() < give_up
            time.sleep(0.1)
        for one in sockets:
            one.close()

    run = kptrace.during(lambda: run_as("caller", connect), "run", "tcpretrans", "--", "--lines")
    again = snmp("Tcp", "RetransSegs") - before
    assert run.maps["@segments"] == {f"{peer},SYN_SENT": again}
    lines = [line for line in run.printed if f" -> {peer}:80 SYN_SENT 1" in line]
    assert len(lines) == again >= 10


def test_tcpstates(kptrace: Kptrace) -> None:
    """Connections from this host to itself, which /proc/net/snmp counts on both sides."""
    before = [snmp("Tcp", name) for name in ("ActiveOpens", "PassiveOpens")]
    run = kptrace.during(lambda: run_as("caller", lambda: connections(41)), "run", "tcpstates")
    opened = [snmp("Tcp", name) for name in ("ActiveOpens", "PassiveOpens")]
    changes = run.maps["@changes"]
    seen = [changes["CLOSE,SYN_SENT"], changes["LISTEN,SYN_RECV"]]
    assert seen == [now - then for now, then in zip(opened, before, strict=True)] == [41, 41]
    assert changes["ESTABLISHED,FIN_WAIT1"] == changes["ESTABLISHED,CLOSE_WAIT"] == 41
    assert sum(one["count"] for one in run.maps["@ms"]["ESTABLISHED"]) == 82


def test_netrx(kptrace: Kptrace) -> None:
    """What the loopback interface has received came by the queue of a CPU."""
    before = received("lo")
    run = kptrace.during(lambda: run_as("sender", lambda: send("127.0.0.1", 97)), "run", "netrx")
    came = received("lo") - before
    figures = next(
        one["data"]["@packets"]
        for one in run.objects
        if "@packets" in one["data"] and one["type"] == "percentiles"
    )
    assert came >= 97  # and answers, of which there is a limit
    assert run.maps["@processed"] == {"-": came}
    assert figures["-"]["max"] <= 64
