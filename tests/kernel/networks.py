# SPDX-License-Identifier: MIT
"""Networks for the tests, and what the kernel's own books say of them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pyroute2.nftables.expressions import genex, ipv4addr, verdict
from pyroute2.nftables.main import NFTables

TABLE, CHAIN = "truth", "guard"
_TUNSETIFF, _IFF_TUN_NO_PI = 0x400454CA, 0x1001
_DROP = 0


def snmp(group: str, name: str) -> int:
    """A counter of /proc/net/snmp."""
    lines = [line.split() for line in Path("/proc/net/snmp").read_text().splitlines()]
    names, values = (line for line in lines if line[0] == f"{group}:")
    return int(dict(zip(names, values, strict=True))[name])


def received(device: str) -> int:
    """Packets that a device has received."""
    return int(Path(f"/sys/class/net/{device}/statistics/rx_packets").read_text())


def send(address: str, count: int, size: int = 1) -> None:
    """Packets of UDP to a port that nobody listens to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(count):
            sock.sendto(bytes(size), (address, 9))


def connections(count: int) -> None:
    """TCP connections of this host to itself, which the side that made them also closes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        for _ in range(count):
            client = socket.create_connection(server.getsockname())
            accepted, _ = server.accept()
            client.close()
            accepted.close()


@contextlib.contextmanager
def silent_device(name: str) -> Iterator[str]:
    """A point-to-point device that takes packets and never answers; gives the peer's address."""
    subprocess.run(["modprobe", "tun"], check=True)
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN_NO_PI))
    Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
    subprocess.run(["ip", "addr", "add", "10.77.0.1/24", "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    try:
        yield "10.77.0.2"
    finally:
        os.close(fd)


def shape(device: str, *discipline: str) -> None:
    """Give a device a queueing discipline."""
    subprocess.run(["tc", "qdisc", "replace", "dev", device, "root", *discipline], check=True)


def dropped_by_discipline(device: str) -> int:
    """What the discipline of a device counts as dropped."""
    command = ["tc", "-s", "-j", "qdisc", "show", "dev", device]
    shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return sum(int(one["drops"]) for one in json.loads(shown))


@contextlib.contextmanager
def rules_that_drop(address: str) -> Iterator[NFTables]:
    """Rules of nftables that drop what comes in for an address, and count it."""
    with NFTables(nfgen_family=socket.AF_INET) as nft:
        nft.table("add", name=TABLE)
        nft.chain("add", table=TABLE, name=CHAIN, hook="input", type="filter", policy=1)
        counter = [genex("counter", {"bytes": 0, "packets": 0})]
        expressions = (ipv4addr(dst=address), counter, verdict(code=_DROP))
        nft.rule("add", table=TABLE, chain=CHAIN, expressions=expressions)
        try:
            yield nft
        finally:
            nft.table("del", name=TABLE)


def counted_by_rules(nft: NFTables) -> int:
    """Packets that the counter of the rules has seen."""
    found = 0
    for rule in nft.get_rules():
        for expression in rule.get_attr("NFTA_RULE_EXPRESSIONS"):
            if expression.get_attr("NFTA_EXPR_NAME") == "counter":
                data = expression.get_attr("NFTA_EXPR_DATA")
                found += int(data.get_attr("NFTA_COUNTER_PACKETS"))
    return found
