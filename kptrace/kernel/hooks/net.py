# SPDX-License-Identifier: MIT
"""Hooks of the network.

Sources: `kfree_skb` tells its reason since Linux 5.17 (c504e5c2f964); `nf_hook_slow` returns 1 for
a packet that may pass, 0 for one that was queued or stolen, and minus the error for a drop.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Expressions, Hook, candidate

_SKB = {"skb": "struct sk_buff *", "dev": "struct net_device *", "len": "uint32"}


def _skb(skb: str) -> dict[str, Expressions]:
    return {"skb": skb, "dev": f"{skb}.dev", "len": f"{skb}.len"}


HOOKS = (
    Hook(
        name="net:drop",
        summary="a packet is dropped, at an address of the kernel's code",
        args={**_SKB, "location": "uint64", "reason": "enum skb_drop_reason"},
        candidates=(
            candidate(
                "rawtracepoint:kfree_skb",
                location="args.location",
                reason="args.reason",
                values=_skb("args.skb"),
            ),
        ),
    ),
    Hook(
        name="net:netfilter_drop",
        summary="netfilter drops a packet; hook and family in the numbers of <linux/netfilter.h>",
        args={
            **_SKB,
            "state": "struct nf_hook_state *",
            "hook": "uint8",
            "family": "uint8",
            "error": "int32",
        },
        candidates=(
            candidate(
                "fexit:nf_hook_slow",
                where="retval < 0",
                state="args.state",
                hook="args.state.hook",
                family="args.state.pf",
                error="retval",
                values=_skb("args.skb"),
            ),
        ),
    ),
    Hook(
        name="net:tcp_retransmit",
        summary="TCP sends a segment again",
        args={"sk": "struct sock *", "skb": "struct sk_buff *"},
        candidates=(
            candidate("rawtracepoint:tcp_retransmit_skb", sk="args.sk", skb="args.skb"),
            candidate("kprobe:tcp_retransmit_skb", sk="arg0", skb="arg1"),
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
