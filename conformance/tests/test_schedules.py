"""Forced schedules: threads come to each other's places in the order that was asked for."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from zodb_conformance.schedules import (
    After,
    AtStep,
    Background,
    Before,
    Halt,
    at_every_step,
    at_once,
    in_thread,
    meanwhile,
    replaced,
    syncs,
)


class Store:
    """Something with methods, of which one calls a function that it is given."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def read(self) -> str:
        self.calls.append("read")
        return "what was read"

    def use(self) -> str:
        return self.read()

    def finish(self, transaction: str, callback: Callable[[str], object]) -> None:
        self.calls.append("finish")
        callback(transaction)
        self.calls.append("finished")


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Background, "limit", 0.2)
    return


@pytest.mark.parametrize(
    ("halt", "order"),
    [
        (lambda store: Before(store, "read"), ["second", "read"]),
        (lambda store: After(store, "read"), ["read", "second"]),
        (lambda store: Before(Store, "read"), ["second", "read"]),
        (lambda store: After(Store, "read"), ["read", "second"]),
    ],
)
def test_a_thread_is_halted_beside_a_call(
    halt: Callable[[Store], Halt], order: list[str], store: Store
) -> None:
    def second() -> int:
        store.calls.append("second")
        return 2

    assert meanwhile(store.use, second, halt(store)) == ("what was read", 2)
    assert store.calls == order


@pytest.mark.parametrize(
    ("halt", "order"),
    [
        (Before, ["finish", "second", "told t", "finished"]),
        (After, ["finish", "told t", "second", "finished"]),
    ],
)
def test_a_thread_is_halted_beside_what_a_call_calls(
    halt: type[Before], order: list[str], store: Store
) -> None:
    def told(transaction: str) -> None:
        store.calls.append(f"told {transaction}")

    meanwhile(
        lambda: store.finish("t", callback=told),
        lambda: store.calls.append("second"),
        halt(store, "finish", callback=True),
    )
    assert store.calls == order


def test_a_thread_is_halted_where_it_calls_a_halt(store: Store) -> None:
    halt = Halt()

    def first() -> None:
        store.calls.append("one")
        halt()
        halt("again")
        store.calls.append("three")

    meanwhile(first, lambda: [halt(), store.calls.append("two")], halt)
    assert store.calls == ["one", "two", "three"]
    assert halt.halted


def test_what_is_halted_first_ends_before_the_other_where_the_halt_is_not_reached(
    store: Store,
) -> None:
    halt = Before(store, "no such method")
    meanwhile(store.use, lambda: store.calls.append("second"), halt)
    assert store.calls == ["read", "second"]
    assert not halt.halted


def test_the_halted_thread_goes_on_where_the_other_waits_for_it(store: Store) -> None:
    lock = threading.Lock()

    def first() -> None:
        with lock:
            store.read()
            store.calls.append("first")

    def second() -> None:
        with lock:
            store.calls.append("second")

    meanwhile(first, second, Before(store, "read"))
    assert store.calls == ["read", "first", "second"]


@pytest.mark.parametrize(
    "work",
    [
        lambda: [None for _ in range(3_000_000)],
        lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 200_000),
    ],
    ids=["in Python", "without the lock of the interpreter"],
)
def test_a_thread_that_is_slow_and_does_not_wait_is_not_disturbed(
    work: Callable[[], object], store: Store
) -> None:
    def second() -> None:
        work()
        store.calls.append("second")

    meanwhile(store.use, second, Before(store, "read"))
    assert store.calls == ["second", "read"]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system doesn't tell")
@pytest.mark.parametrize(
    ("wait", "looks"),
    [
        (lambda event: event.wait(), {8}),
        (lambda event: event.wait(60), {1}),
        (lambda event: [time.sleep(0.001) for _ in iter(event.is_set, True)], {1}),
    ],
    ids=["for a lock", "for some time", "and asks again"],
)
def test_a_look_at_a_thread_that_waits_for_a_lock_counts_for_more(
    wait: Callable[[threading.Event], object], looks: set[int]
) -> None:
    event = threading.Event()
    thread = Background(lambda: wait(event))
    seen: Counter[int] = Counter()
    while max(seen.values(), default=0) < 50:
        thread.join(0.001)
        seen[thread.idleness()] += 1
    event.set()
    thread.result()
    assert {count for count, times in seen.items() if times > 10 and count} == looks


def test_methods_are_as_before_when_the_thread_has_ended(store: Store) -> None:
    before = dict(vars(Store))
    meanwhile(store.use, lambda: None, Before(store, "read"))
    with replaced(store, "read", lambda method, *args: "replaced"):
        assert store.read() == Store().read() == "replaced"
    assert dict(vars(Store)) == before
    assert list(vars(store)) == ["calls"]


def test_what_cannot_be_replaced_is_left_alone() -> None:
    with replaced([1], "append", lambda method, item: None), replaced(3, "real", print):
        assert [1].copy() == [1]


@pytest.mark.parametrize(
    ("first", "second"),
    [(lambda: 1 / 0, int), (int, lambda: 1 / 0), (lambda: 1 / 0, lambda: {}[1])],
)
def test_what_a_thread_raises_is_raised(
    first: Callable[[], Any], second: Callable[[], Any]
) -> None:
    with pytest.raises(ZeroDivisionError):
        meanwhile(first, second, Halt())


def test_every_step_is_tried_once() -> None:
    def schedule(halt: Halt) -> tuple[int, ...]:
        order: list[int] = []

        def first() -> None:
            order.append(1)
            order.append(3)

        meanwhile(first, lambda: order.append(2), halt)
        return tuple(order)

    assert at_every_step(schedule) == {(2, 1, 3), (1, 2, 3), (1, 3, 2)}


def test_of_very_many_steps_some_are_tried() -> None:
    tried: list[int] = []

    def schedule(halt: Halt) -> None:
        assert isinstance(halt, AtStep)
        tried.append(halt.number)
        meanwhile(lambda: [len("") for _ in range(1000)], int, halt)

    at_every_step(schedule)
    assert 150 < len(tried) <= 301
    assert tried[0] == 1
    assert tried[-2] > 900


def test_steps_that_the_first_schedules_did_not_have_are_tried() -> None:
    """What happens once may make the way longer, or shorter, for all that come later."""
    lengths = iter([2, 30, 30, *[20] * 50])
    tried: list[int] = []

    def schedule(halt: Halt) -> None:
        assert isinstance(halt, AtStep)
        tried.append(halt.number)
        length = next(lengths)
        meanwhile(lambda: [len("") for _ in range(length)], int, halt)

    at_every_step(schedule)
    assert tried == list(range(1, tried[-1] + 1))
    assert 20 < tried[-1] < 30


def test_threads_without_a_schedule_are_in_each_others_way() -> None:
    log: list[int] = []

    def working(number: int) -> Callable[[], int]:
        def work() -> int:
            log.extend(number for _ in range(1000))
            return number

        return work

    assert at_once(working(1), working(2), working(3)) == [1, 2, 3]
    turns = sum(one != other for one, other in pairwise(log))
    assert turns > 20
    with pytest.raises(ZeroDivisionError):
        at_once(lambda: 1 / 0)


def test_a_function_has_a_thread_of_its_own() -> None:
    assert in_thread(threading.get_ident) != threading.get_ident()


@pytest.mark.usefixtures("impatient")
def test_a_thread_that_waits_for_ever_is_told() -> None:
    released = threading.Event()
    with pytest.raises(AssertionError, match="one waits for ever"):
        in_thread(released.wait)
    with pytest.raises(AssertionError, match="the first thread to get on"):
        meanwhile(released.wait, int, Halt())
    released.set()


WAITING = """
import threading, time
from zodb_conformance.schedules import Background, in_thread

held, seldom, begun = threading.Lock(), threading.Event(), time.monotonic()
with held:
    try:
        in_thread(held.acquire)
    except AssertionError as error:
        print(error, time.monotonic() - begun < Background.limit / 2)
    print(Background(lambda: seldom.wait(1.5)).result())  # a limit of time, so it will get on
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="told by Linux alone")
def test_threads_that_wait_for_each_other_are_told_soon() -> None:
    # In a process of its own: here pytest may have threads that wait for somebody else.
    done = subprocess.run(
        [sys.executable, "-c", WAITING], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first.endswith("one waits for ever True")
    assert second == "False"


def test_synchronisations_are_counted_of_storages_with_the_method_and_without() -> None:
    class Synchronous(Store):
        def sync(self, force: bool = True) -> None:
            self.calls.append(f"sync {force}")

    for storage in (Store(), Synchronous()):
        with syncs(storage) as calls:
            storage.sync()  # type: ignore[attr-defined]
            storage.sync(False)  # type: ignore[attr-defined]
            storage.sync(force=True)  # type: ignore[attr-defined]
        assert calls == ["sync", "sync"]
        assert hasattr(storage, "sync") == isinstance(storage, Synchronous)
    assert storage.calls == ["sync True", "sync False", "sync True"]
