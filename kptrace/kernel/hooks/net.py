# SPDX-License-Identifier: MIT
"""Hooks of the network.

Sources: `kfree_skb` tells its reason since Linux 5.17 (c504e5c2f964); `nf_hook_slow` returns 1 for
a packet that may pass, 0 for one that was queued or stolen, and minus the error for a drop. When
it returns, a dropped packet is freed: only the state of the hook may be read.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Expressions, Hook, candidate

_SKB = {"skb": "struct sk_buff *", "dev": "struct net_device *", "len": "uint32"}


def _skb(skb: str) -> dict[str, Expressions]:
    return {"skb": skb, "dev": f"{skb}.dev", "len": f"{skb}.len"}


_WHY = ("args.reason", '"(this kernel tells no reason)"')
_OF_QDISC = "args.reason >= SKB_DROP_REASON_QDISC_DROP && args.reason < SKB_DROP_REASON_CPU_BACKLOG"
"""The reasons of disciplines stand between these two."""

_STATE = {"dev": "struct net_device *", "hook": "uint8", "family": "uint8"}
_VERDICT_DROP = "(retval & 0xff) == 0 || ((retval & 0xff) == 2 && (retval >> 16) != 0)"
"""NF_DROP; or NF_STOLEN with an error: dropped on the spot, since 6.7 (e0d4593140b0)."""


def _state(state: str) -> dict[str, Expressions]:
    """Of a packet that came in and goes out, the device is where it came from."""
    return {
        "dev": f"{state}.in != 0 ? {state}.in : {state}.out",
        "hook": f"{state}.hook",
        "family": f"{state}.pf",
    }


def _segments(skb: str) -> str:
    """TCP's own part of a packet: many segments may go out as one packet."""
    return f"((struct tcp_skb_cb *)((uint64){skb} + offsetof(struct sk_buff, cb))).tcp_gso_segs"


HOOKS = (
    Hook(
        name="net:drop",
        summary="a packet is dropped, at an address of the kernel's code; why: the reason in words",
        args={
            **_SKB,
            "location": "uint64",
            "reason": "enum skb_drop_reason",
            "why": "string",
        },
        candidates=(
            candidate(
                "rawtracepoint:kfree_skb",
                location="args.location",
                reason="args.reason",
                why=_WHY,
                values=_skb("args.skb"),
            ),
        ),
    ),
    Hook(
        name="net:qdisc_drop",
        summary="a queueing discipline drops a packet",
        args={**_SKB, "qdisc": "struct Qdisc *", "why": "string"},
        candidates=(
            candidate(
                "rawtracepoint:qdisc_drop",
                qdisc="args.qdisc",
                why="args.reason",
                values={**_skb("args.skb"), "dev": "args.dev"},
            ),
            candidate(
                "rawtracepoint:kfree_skb",
                where=_OF_QDISC,
                note="does not see what is dropped when packets leave the queue, before Linux 6.13",
                qdisc="args.skb.dev._tx[args.skb.queue_mapping].qdisc",
                why="args.reason",
                values=_skb("args.skb"),
            ),
        ),
    ),
    Hook(
        name="net:netfilter_drop",
        summary="netfilter drops a packet; hook and family in the numbers of <linux/netfilter.h>",
        args={
            "state": "struct nf_hook_state *",
            **_STATE,
            "error": "int32",
        },
        candidates=(
            candidate(
                "fexit:nf_hook_slow",
                where="retval < 0",
                state="args.state",
                error="retval",
                values=_state("args.state"),
            ),
        ),
    ),
    Hook(
        name="net:nft_drop",
        summary="rules of nftables drop a packet; chain is the base chain",
        args={"table": "string", "chain": "string", **_STATE},
        candidates=(
            candidate(
                "fexit:nft_do_chain",
                where=_VERDICT_DROP,
                table="((struct nft_chain *)args.priv).table.name",
                chain="((struct nft_chain *)args.priv).name",
                values=_state("args.pkt.state"),
            ),
        ),
    ),
    Hook(
        name="net:iptables_drop",
        summary="rules of iptables drop a packet",
        args={"table": "string", **_STATE},
        candidates=tuple(
            candidate(
                *points,
                where=_VERDICT_DROP,
                # the table came last until 5.15 (44d9ba2ac0ef)
                table=("((struct xt_table *)args.priv).name", "args.table.name"),
                values=_state("args.state"),
            )
            for points in (
                ("fexit:ipt_do_table", "fexit:ip6t_do_table"),
                ("fexit:ipt_do_table",),
                ("fexit:ip6t_do_table",),
            )
        ),
    ),
    Hook(
        name="net:tcp_retransmit",
        summary="TCP sends segments again",
        args={"sk": "struct sock *", "skb": "struct sk_buff *", "segments": "uint32"},
        candidates=(
            candidate(
                "rawtracepoint:tcp_retransmit_skb",
                # by 6.18 also for what could not be sent; before, there is no err to ask
                where=("args.err == 0", "true"),
                sk="args.sk",
                skb="args.skb",
                segments=_segments("args.skb"),
            ),
            candidate(
                "kprobe:tcp_retransmit_skb",
                note="misses probes for a lost tail",
                sk="arg0",
                skb="arg1",
                segments="arg2",
            ),
        ),
    ),
    Hook(
        name="net:tcp_retransmit_synack",
        summary="TCP answers to a new connection again",
        args={"sk": "struct sock *", "req": "struct request_sock *"},
        candidates=(
            candidate("rawtracepoint:tcp_retransmit_synack", sk="args.sk", req="args.req"),
        ),
    ),
    Hook(
        name="net:tcp_state",
        summary="a TCP socket goes from one state to another",
        args={"sk": "struct sock *", "old": "int32", "new": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:inet_sock_set_state",
                where="args.sk.sk_protocol == 6",
                sk="args.sk",
                old="args.oldstate",
                new="args.newstate",
            ),
        ),
    ),
    Hook(
        name="net:receive",
        summary="a packet enters the stack",
        args=_SKB,
        candidates=(candidate("rawtracepoint:netif_receive_skb", values=_skb("args.skb")),),
    ),
    Hook(
        name="net:queue",
        summary="a packet is handed to a device's queue",
        args=_SKB,
        candidates=(candidate("rawtracepoint:net_dev_queue", values=_skb("args.skb")),),
    ),
    Hook(
        name="net:transmit",
        summary="a packet was given to the driver; rc is 0 where it took it",
        args={**_SKB, "rc": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:net_dev_xmit",
                skb="args.skb",
                dev="args.dev",
                len="args.skb_len",
                rc="args.rc",
            ),
        ),
    ),
)
