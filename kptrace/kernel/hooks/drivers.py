# SPDX-License-Identifier: MIT
"""Hooks of interrupts, deferred work and DMA: what drivers are made of.

Sources: `dma:*` tracepoints since Linux 6.12 (038eb433dc14), `*_phys` for `*_page` since 6.18;
the raw `workqueue_queue_work` passes the pool and its workqueue.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Hook, candidate

_MAP = {"dev": "struct device *", "addr": "uint64", "size": "uint64", "dir": "uint32"}
_UNMAP = _MAP
_IRQ = {"irq": "int32", "action": "struct irqaction *", "name": "string"}
_NAME = "str(args.action.name)"
_WORK = {"work": "struct work_struct *", "func": "uint64"}

HOOKS = (
    Hook(
        name="irq:entry",
        summary="a handler of a hard interrupt starts; several on a shared line",
        args=_IRQ,
        candidates=(
            candidate(
                "rawtracepoint:irq_handler_entry",
                irq="args.irq",
                action="args.action",
                name=_NAME,
            ),
        ),
    ),
    Hook(
        name="irq:exit",
        summary="a handler of a hard interrupt ends; ret is 0 where it was not its device's",
        args={**_IRQ, "ret": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:irq_handler_exit",
                irq="args.irq",
                action="args.action",
                name=_NAME,
                ret="args.ret",
            ),
        ),
    ),
    *(
        Hook(
            name=f"irq:softirq_{what}",
            summary=f"a softirq vector {does}",
            args={"vec": "uint32"},
            candidates=(
                # named vec_nr in every kernel checked (5.10 to 7.2)
                candidate(f"rawtracepoint:softirq_{what}", vec=("args.vec_nr", "arg0")),
            ),
        )
        for what, does in (("raise", "is asked for"), ("entry", "starts"), ("exit", "ends"))
    ),
    Hook(
        name="napi:poll",
        summary="a NAPI instance was polled: packets done, of a budget",
        args={"napi": "struct napi_struct *", "work": "int32", "budget": "int32"},
        candidates=(
            candidate(
                "rawtracepoint:napi_poll", napi="args.napi", work="args.work", budget="args.budget"
            ),
        ),
    ),
    Hook(
        name="work:queue",
        summary="work is put on a workqueue",
        args={**_WORK, "queue": "string"},
        candidates=(
            candidate(
                "rawtracepoint:workqueue_queue_work",
                work="args.work",
                func="args.work.func",
                queue="args.pwq.wq.name",
            ),
        ),
    ),
    Hook(
        name="work:start",
        summary="a worker starts a work item",
        args=_WORK,
        candidates=(
            candidate(
                "rawtracepoint:workqueue_execute_start", work="args.work", func="args.work.func"
            ),
        ),
    ),
    Hook(
        name="work:end",
        summary="a worker ends a work item, which may be freed by now",
        args=_WORK,
        candidates=(
            candidate(
                # the function is passed since 5.6 (1c5da0ec7f20)
                "rawtracepoint:workqueue_execute_end",
                work="args.work",
                func="args.function",
            ),
        ),
    ),
    Hook(
        name="timer:expire",
        summary="the function of a timer starts",
        args={"timer": "struct timer_list *", "func": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:timer_expire_entry",
                timer="args.timer",
                func="args.timer.function",
            ),
        ),
    ),
    Hook(
        name="timer:hrtimer_expire",
        summary="the function of a high-resolution timer starts",
        args={"timer": "struct hrtimer *", "func": "uint64"},
        candidates=(
            candidate(
                "rawtracepoint:hrtimer_expire_entry",
                timer="args.hrtimer",
                func="args.hrtimer.function",
            ),
        ),
    ),
    Hook(
        name="dma:map",
        summary="memory is mapped for a device",
        args=_MAP,
        candidates=(
            *(
                candidate(
                    f"rawtracepoint:dma_map_{what}",
                    dev="args.dev",
                    addr="args.dma_addr",
                    size="args.size",
                    dir="args.dir",
                )
                for what in ("phys", "page")
            ),
            candidate(
                "fexit:dma_map_phys",
                dev="args.dev",
                addr="retval",
                size="args.size",
                dir="args.dir",
            ),
            candidate(
                "fexit:dma_map_page_attrs",
                dev="args.dev",
                addr="retval",
                size="args.size",
                dir="args.dir",
            ),
        ),
    ),
    Hook(
        name="dma:unmap",
        summary="memory is no longer mapped for a device",
        args=_UNMAP,
        candidates=(
            *(
                candidate(
                    f"rawtracepoint:dma_unmap_{what}",
                    dev="args.dev",
                    addr="args.addr",
                    size="args.size",
                    dir="args.dir",
                )
                for what in ("phys", "page")
            ),
            *(
                candidate(f"kprobe:{name}", dev="arg0", addr="arg1", size="arg2", dir="arg3")
                for name in ("dma_unmap_phys", "dma_unmap_page_attrs")
            ),
        ),
    ),
)
