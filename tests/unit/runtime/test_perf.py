# SPDX-License-Identifier: MIT
"""The perf rings of the running kernel."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import pytest

from kptrace.errors import HostError
from kptrace.kernel import Kernel
from kptrace.perf_records import Decoder, RawRecord, Records, Run
from kptrace.plan import Plan
from kptrace.runtime import attach, cpus, maps, perf, perf_event
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import choose
from kptrace.session.state import set_active

Make, Load = Callable[..., Plan], Callable[..., Loaded]
CALL = 1


def one_by_one(records: Records) -> list[RawRecord]:
    return records.records() if isinstance(records, Run) else records


def pause_and_call(count: int) -> None:
    for _ in range(count):
        time.sleep(0.001)
        calls(1)


def calls(count: int) -> None:
    for _ in range(count):
        os.getppid()


def test_every_event_arrives_in_order_of_time(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    sizes = {event.id: event.size for event in plan.events}
    with perf.Reader(loaded.map("events"), sizes) as reader:
        with attach.attach_all(plan, loaded, choose(plan), kernel):
            set_active(loaded, True)
            workers = [threading.Thread(target=calls, args=(5003,)) for _ in range(2)]
            for worker in workers:
                worker.start()
            records: list[RawRecord] = []
            while any(worker.is_alive() for worker in workers):
                records += one_by_one(reader.poll(0.01))
            set_active(loaded, False)
        records += one_by_one(reader.drain())
        assert reader.lost() == 0
    assert len(records) == 2 * 5003
    times = [time for time, _, _ in records]
    assert times == sorted(times)
    assert {len(payload) for _, _, payload in records} == {28}
    assert maps.read_counters(loaded.map("ledger"), 4)[0] == 2 * 5003


def test_small_ring_accounts_for_every_loss(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    with perf.Reader(loaded.map("events"), {CALL: 28}, pages=1) as reader:
        assert reader.ring_bytes == os.sysconf("SC_PAGE_SIZE")
        with attach.attach_all(plan, loaded, choose(plan), kernel):
            set_active(loaded, True)
            calls(10007)
            received = len(reader.drain())
            calls(3)  # room again: the kernel now writes its LOST record
            set_active(loaded, False)
        received += len(reader.drain())
        hits, _, _, refused = maps.read_counters(loaded.map("ledger"), 4)
        assert hits == 10010
        assert received + refused == hits
        assert reader.lost() == refused > 0


def test_records_wrap_around_the_end(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    with (
        perf.Reader(loaded.map("events"), {CALL: 28}, pages=1) as reader,
        attach.attach_all(plan, loaded, choose(plan), kernel),
    ):
        set_active(loaded, True)
        received = 0
        for _ in range(211):  # 40 bytes per record, 50 records per round: many wraps
            calls(50)
            records = one_by_one(reader.drain())
            assert all(len(payload) == 28 for _, _, payload in records)
            received += len(records)
        assert received == 211 * 50
        assert reader.lost() == 0


def test_chunks_are_the_rings_as_they_are(make_plan: Make, load: Load, kernel: Kernel) -> None:
    """What is taken is no longer there; decoded later, it is what reading would have given."""
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    taken: list[perf.Chunk] = []
    with (
        perf.Reader(loaded.map("events"), {CALL: 28}, pages=1) as reader,
        attach.attach_all(plan, loaded, choose(plan), kernel),
    ):
        set_active(loaded, True)
        for _ in range(7):
            calls(50)
            taken += reader.take()
        set_active(loaded, False)
        assert reader.take() == []
        assert not reader.drain()
    parts: list[Records] = []
    assert sum(Decoder({CALL: 28}).decode(memoryview(one.data), parts) for one in taken) == 0
    assert {one.cpu for one in taken} <= set(cpus.online())
    assert sum(map(len, parts)) == 350


def test_the_first_event_after_a_silence_wakes_the_reader(
    make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    with (
        perf.Reader(loaded.map("events"), {CALL: 28}) as reader,
        attach.attach_all(plan, loaded, choose(plan), kernel),
    ):
        set_active(loaded, True)
        for _ in range(3):
            timer = threading.Timer(0.1, calls, (1,))
            timer.start()
            start = time.monotonic()
            received = len(reader.poll(20))
            while not received and time.monotonic() - start < 10:  # woken by what came before
                received = len(reader.poll(20))
            assert time.monotonic() - start < 10
            timer.join()
            assert received == 1
        set_active(loaded, False)


def test_events_that_follow_closely_are_waited_for_together(
    make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    with (
        perf.Reader(loaded.map("events"), {CALL: 28}) as reader,
        attach.attach_all(plan, loaded, choose(plan), kernel),
    ):
        set_active(loaded, True)
        received = wakeups = 0
        worker = threading.Thread(target=pause_and_call, args=(300,))
        worker.start()
        while worker.is_alive():
            received += len(reader.poll(0.1))
            wakeups += 1
        set_active(loaded, False)
        received += len(reader.drain())
        assert reader.lost() == 0
    assert received == 300
    assert wakeups < 150


def test_rings_are_relieved_of_as_much_as_they_hold(
    make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    with (
        perf.Reader(loaded.map("events"), {CALL: 28}, pages=1) as reader,
        attach.attach_all(plan, loaded, choose(plan), kernel),
    ):
        os.sched_setaffinity(0, {cpus.online()[0]})
        set_active(loaded, True)
        for _ in range(3):  # 100 records of 40 bytes nearly fill the page
            calls(100)
            reader.relieve()
        received = len(reader.poll(10)) + len(reader.poll(0))
        assert (received, reader.lost()) == (300, 0)
        for _ in range(20 * len(cpus.online())):
            calls(100)
            reader.relieve()
        set_active(loaded, False)
        received = len(reader.drain()) + len(reader.drain())
        os.sched_setaffinity(0, set(cpus.online()))
        assert received + reader.lost() == 2000 * len(cpus.online())
        assert reader.lost() > 0


def test_kernel_without_lost_counter(
    monkeypatch: pytest.MonkeyPatch, make_plan: Make, load: Load, kernel: Kernel
) -> None:
    monkeypatch.setattr(perf_event, "read_lost", lambda fd: None)
    plan = make_plan("on_tracepoint")
    loaded = load(plan)
    with perf.Reader(loaded.map("events"), {CALL: 28}, pages=1) as reader:
        with attach.attach_all(plan, loaded, choose(plan), kernel):
            set_active(loaded, True)
            calls(1009)
            received = len(reader.drain())
            # One call per CPU at least, so that each full ring tells its loss.
            for cpu in cpus.online():
                os.sched_setaffinity(0, {cpu})
                calls(1)
            os.sched_setaffinity(0, set(cpus.online()))
            set_active(loaded, False)
        received += len(reader.drain())
        assert received + reader.lost() == 1009 + len(cpus.online())


@pytest.mark.parametrize(
    ("wanted", "cpu_count", "pages"), [(1, 8, 1), (64, 2, 32), (100, 2, 32), (4096, 3, 1024)]
)
def test_ring_pages_are_a_power_of_two_of_a_share(wanted: int, cpu_count: int, pages: int) -> None:
    assert perf.ring_pages(wanted, cpu_count) == pages


@pytest.mark.parametrize(
    ("each", "pages"), [(1, 1), (4096, 1), (4097, 2), (512 << 10, 128), (600 << 10, 256)]
)
def test_what_each_ring_shall_have_wins_and_is_rounded_up(
    each: int, pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(perf, "_PAGE", 4096)
    assert perf.ring_pages(64, 2, each) == pages


def test_rings_get_a_quarter_of_the_memory_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpus, "available_memory", lambda: 80 << 20)
    assert perf.ring_pages(0, 2, 8 << 20) * perf._PAGE == 8 << 20
    with pytest.raises(HostError, match="16384 KiB for each of 2 CPUs") as told:
        perf.ring_pages(0, 2, 16 << 20)
    assert "at most --buffer 8192K" in told.value.diagnostics[0].hints[0]
    with pytest.raises(HostError, match="quarter of the memory"):
        perf.ring_pages((32 << 20) // perf._PAGE, 2)
    monkeypatch.setattr(cpus, "available_memory", lambda: 0)
    assert perf.ring_pages(0, 2) * perf._PAGE * 2 == 256 << 10
    assert perf.ring_pages(1, 2) == 1


def test_automatic_ring_size_is_within_its_limits() -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    for cpu_count in (1, 2, 64, 8192):
        total = perf.ring_pages(0, cpu_count) * cpu_count * page
        assert total >= min(cpu_count * page, 256 << 10) / 2
        assert total <= max(16544 << 10, cpu_count * page)


@pytest.mark.usefixtures("_descriptors")
def test_closing_leaves_no_descriptor(make_plan: Make, load: Load) -> None:
    loaded = load(make_plan("on_tracepoint"))
    perf.Reader(loaded.map("events"), {}).close()
    loaded.close()
