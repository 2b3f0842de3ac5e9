# SPDX-License-Identifier: MIT
"""Hooks of interrupts, deferred work and DMA: what drivers are made of.

Sources: `dma:*` tracepoints since Linux 6.12 (038eb433dc14), `*_phys` for `*_page` since 6.18;
the raw `workqueue_queue_work` passes the pool and its workqueue. Functions that add a buffer to a
virtqueue differ in where they take it, but all name it `data`.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Expressions, Hook, candidate

_MAP = {
    "dev": "struct device *",
    "device": "string",
    "driver": "string",
    "addr": "uint64",
    "size": "uint64",
    "dir": "uint32",
}
_MAP_SG = {
    **{name: kind for name, kind in _MAP.items() if name not in ("addr", "size")},
    "sg": "struct scatterlist *",
    "entries": "uint32",
}
_IRQ = {"irq": "int32", "action": "struct irqaction *", "name": "string"}
_NAME = "str(args.action.name)"
_WAKE_THREAD = 2
"""enum irqreturn, which is the same from 5.10 to 7.2."""
_ACTION1 = "((struct irqaction *)arg1)"
_THREAD_FUNCTIONS = ("irq_thread_fn", "irq_forced_thread_fn")
"""The second serves where the kernel runs with ``threadirqs``."""
_TIMER = {"timer": "struct timer_list *", "func": "uint64"}
_HRTIMER = {"timer": "struct hrtimer *", "func": "uint64"}
_WORK = {"work": "struct work_struct *", "func": "uint64"}

_VIRTQUEUE = {"device": "string", "queue": "string"}
_VIRTIO_ADD = (
    "virtqueue_add_sgs",
    "virtqueue_add_outbuf",
    "virtqueue_add_inbuf",
    "virtqueue_add_inbuf_ctx",
)
_VIRTIO_PREMAPPED = ("virtqueue_add_outbuf_premapped", "virtqueue_add_inbuf_premapped")
_VIRTIO_CLEAN = ("virtqueue_add_inbuf_cache_clean",)
_VIRTIO_DATA = ("args.data", '(uint64)func == kaddr("virtqueue_add_sgs") ? arg4 : arg3')
"""The second serves where modules have no BTF (before Linux 5.11)."""
_VQ = "((struct virtqueue *)arg0)"


def _device(dev: str) -> dict[str, Expressions]:
    """The arguments that are read from a device."""
    return {
        "dev": dev,
        "device": f"str({dev}.kobj.name)",
        "driver": f"str({dev}.driver.name)",
    }


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
    Hook(
        name="irq:thread_wake",
        summary="the hard handler of an interrupt asks for its thread",
        args=_IRQ,
        candidates=(
            candidate(
                "rawtracepoint:irq_handler_exit",
                where=f"args.ret == {_WAKE_THREAD}",
                note="misses drivers that wake the thread themselves (irq_wake_thread)",
                irq="args.irq",
                action="args.action",
                name=_NAME,
            ),
        ),
    ),
    Hook(
        name="irq:thread_entry",
        summary="the threaded handler of an interrupt starts, in its own task",
        args=_IRQ,
        candidates=tuple(
            candidate(
                *(f"kprobe:{one}" for one in functions),
                irq=f"{_ACTION1}.irq",
                action="arg1",
                name=f"str({_ACTION1}.name)",
            )
            for functions in (_THREAD_FUNCTIONS, _THREAD_FUNCTIONS[:1])
        ),
    ),
    Hook(
        name="irq:thread_exit",
        summary="the threaded handler of an interrupt ends; ret is 0 where it was not its device's",
        args={"ret": "int32"},
        candidates=tuple(
            candidate(*(f"kretprobe:{one}" for one in functions), ret="retval")
            for functions in (_THREAD_FUNCTIONS, _THREAD_FUNCTIONS[:1])
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
        summary="a NAPI instance was polled: packets done, of a budget; dev has no name where it "
        "is the queue of a CPU",
        args={
            "napi": "struct napi_struct *",
            "dev": "string",
            "work": "int32",
            "budget": "int32",
        },
        candidates=(
            candidate(
                "rawtracepoint:napi_poll",
                napi="args.napi",
                dev="args.napi.dev.name",
                work="args.work",
                budget="args.budget",
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
        summary="the function of a timer starts; late is in jiffies",
        args={**_TIMER, "late": "int64"},
        candidates=(
            candidate(
                "rawtracepoint:timer_expire_entry",
                timer="args.timer",
                func="args.timer.function",
                late="args.baseclk - args.timer.expires",
            ),
        ),
    ),
    Hook(
        name="timer:done",
        summary="the function of a timer ends; the timer may be freed by now",
        args={"timer": "struct timer_list *"},
        candidates=(candidate("rawtracepoint:timer_expire_exit", timer="args.timer"),),
    ),
    Hook(
        name="timer:hrtimer_expire",
        summary="the function of a high-resolution timer starts; late is in ns, and includes the "
        "slack that it allows",
        args={**_HRTIMER, "late": "int64"},
        candidates=(
            candidate(
                "rawtracepoint:hrtimer_expire_entry",
                timer="args.hrtimer",
                func="args.hrtimer.function",
                # a pointer before Linux 7.2, and those do not multiply
                late=(
                    "args.now * 1 - args.hrtimer._softexpires",
                    "*args.now - args.hrtimer._softexpires",
                ),
            ),
        ),
    ),
    Hook(
        name="timer:hrtimer_done",
        summary="the function of a high-resolution timer ends; the timer may be freed by now",
        args={"timer": "struct hrtimer *"},
        candidates=(candidate("rawtracepoint:hrtimer_expire_exit", timer="args.hrtimer"),),
    ),
    Hook(
        name="virtio:add",
        summary="a driver puts a buffer into a virtqueue; it is named by the driver's pointer",
        args={"buffer": "uint64", "vq": "struct virtqueue *", **_VIRTQUEUE},
        candidates=tuple(
            candidate(
                *(f"kprobe:{one}" for one in functions),
                buffer=_VIRTIO_DATA,
                vq="arg0",
                device=f"str({_VQ}.vdev.dev.kobj.name)",
                queue=f"str({_VQ}.name)",
            )
            for functions in (
                (*_VIRTIO_ADD, *_VIRTIO_PREMAPPED, *_VIRTIO_CLEAN),
                (*_VIRTIO_ADD, *_VIRTIO_PREMAPPED),
                _VIRTIO_ADD,
            )
        ),
    ),
    Hook(
        name="virtio:take",
        summary="a driver takes a buffer back from a virtqueue, or finds none (0)",
        args={"buffer": "uint64"},
        candidates=(
            candidate(
                "kretprobe:virtqueue_get_buf",
                "kretprobe:virtqueue_get_buf_ctx",
                note="may see a buffer twice where one function calls the other",
                buffer="retval",
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
                    addr="args.dma_addr",
                    size="args.size",
                    dir="args.dir",
                    values=_device("args.dev"),
                )
                for what in ("phys", "page")
            ),
            *(
                candidate(
                    f"fexit:{name}",
                    addr="retval",
                    size="args.size",
                    dir="args.dir",
                    values=_device("args.dev"),
                )
                for name in ("dma_map_phys", "dma_map_page_attrs")
            ),
        ),
    ),
    Hook(
        name="dma:unmap",
        summary="memory is no longer mapped for a device",
        args=_MAP,
        candidates=(
            *(
                candidate(
                    f"rawtracepoint:dma_unmap_{what}",
                    addr="args.addr",
                    size="args.size",
                    dir="args.dir",
                    values=_device("args.dev"),
                )
                for what in ("phys", "page")
            ),
            *(
                candidate(
                    f"kprobe:{name}",
                    addr="arg1",
                    size="arg2",
                    dir="arg3",
                    values=_device("((struct device *)arg0)"),
                )
                for name in ("dma_unmap_phys", "dma_unmap_page_attrs")
            ),
        ),
    ),
    Hook(
        name="dma:map_sg",
        summary="a list of areas is mapped for a device, by which also its unmapping is known; "
        "entries: areas in memory, mapped: areas that the device sees",
        args={**_MAP_SG, "mapped": "uint32"},
        candidates=(
            candidate(
                "rawtracepoint:dma_map_sg",
                sg="args.sgl",
                entries="args.nents",
                mapped="args.ents",
                dir="args.dir",
                values=_device("args.dev"),
            ),
            *(
                candidate(
                    f"fexit:{name}",
                    where="retval > 0",
                    note=note,
                    sg="args.sg",
                    entries="args.nents",
                    mapped="retval",
                    dir="args.dir",
                    values=_device("args.dev"),
                )
                for name, note in (
                    ("__dma_map_sg_attrs", ""),
                    ("dma_map_sg_attrs", "misses dma_map_sgtable where that does not call it"),
                )
            ),
        ),
    ),
    Hook(
        name="dma:unmap_sg",
        summary="a list of areas is no longer mapped for a device",
        args=_MAP_SG,
        candidates=(
            candidate(
                "rawtracepoint:dma_unmap_sg",
                sg="args.sgl",
                entries="args.nents",
                dir="args.dir",
                values=_device("args.dev"),
            ),
            candidate(
                "kprobe:dma_unmap_sg_attrs",
                sg="arg1",
                entries="arg2",
                dir="arg3",
                values=_device("((struct device *)arg0)"),
            ),
        ),
    ),
)
