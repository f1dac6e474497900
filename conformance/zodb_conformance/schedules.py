"""Forced schedules: one thread is halted where a race may be, while another does its part.

`meanwhile` runs two functions in two threads, the first up to a halt, the second as far as it goes,
and then the rest of the first.  There are three kinds of halts: a `Halt` is called by the program,
as a callback, say; `Before` and `After` are where a method of a public object is called; and
`AtStep` is anywhere at all, which `at_every_step` makes use of.  So no test of a race depends on
chance: the order of what happens is the same in every run.

An implementation may let the second thread wait for the first, with a lock.  Then the first goes
on, and nothing is wrong.  No time decides what is expected: what takes very long is a thread that
waits for ever, and found out as such.

Like those of `kit`, these functions and classes are quoted by witnesses, so each uses nothing but
the others and what is imported here.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch


class Background(threading.Thread):
    """A thread that does `work`, a function without arguments, from now on.

    limit: after how many seconds a thread counts as one that waits for ever, where it is not seen
           before that all of them wait for each other
    """

    limit = 60.0

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.work = work
        self.value: Any = None
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Do the work, and keep what it returns or raises."""
        try:
            self.value = self.work()
        except BaseException as error:  # noqa: BLE001  # whoever asks for the result is to see it
            self.error = error

    def result(self) -> Any:
        """What the work has returned; raises what it has raised."""
        end, deadlocked = time.monotonic() + self.limit, 0
        while self.is_alive() and time.monotonic() < end and deadlocked < 20:
            self.join(0.05)
            deadlocked = deadlocked + 1 if all_wait_for_locks() else 0
        if self.is_alive():
            raise AssertionError("expected all threads to come to an end, but one waits for ever")
        if self.error is not None:
            raise self.error
        return self.value

    def stand(self) -> None:
        """Wait until the thread has ended, or does not get on since it waits for another one."""
        place, looks = None, 0
        while self.is_alive() and looks < 16:
            frame = sys._current_frames().get(self.ident or 0)
            seen = frame and (id(frame), frame.f_lasti)
            idle = self.idleness() if seen == place else 0
            place, looks = seen, looks + idle if idle else 0
            self.join(0.0005)

    def idleness(self) -> int:
        """How many looks count for this one, at a thread that is where it was: none where it waits
        for the processor, or for a disk, and more than one where it is known to wait for a lock,
        without a limit of time, and not for an answer from elsewhere.
        """
        task = Path(f"/proc/self/task/{self.native_id}")
        try:
            if task.joinpath("stat").read_text().rpartition(") ")[2][:1] in "RD":
                return 0
            return 8 if waits_for_a_lock(task) else 1
        except OSError:  # it has just ended, or this is another system than Linux
            return 1


def waits_for_a_lock(task: Path) -> bool:
    """Whether a thread waits for a lock, without a limit of time; raises OSError where the system
    does not tell.
    """
    # The operation by which Python does that; for its own lock, and where there is a limit, it
    # takes another one.
    return task.joinpath("syscall").read_text().split()[2:3] == ["0x189"]


def all_wait_for_locks() -> bool:
    """Whether all threads but this one do, so that none of them will ever get on by itself."""
    own = threading.get_native_id()
    try:
        tasks = [task for task in Path("/proc/self/task").iterdir() if int(task.name) != own]
        return bool(tasks) and all(map(waits_for_a_lock, tasks))
    except OSError:
        return False


def in_thread(work: Callable[[], Any]) -> Any:
    """What the function `work` returns in a thread of its own; raises what it raises there."""
    return Background(work).result()


class Halt:
    """A place where `meanwhile` halts the first thread: when that calls this object.

    It takes any arguments, and returns at once when it is called again, or by other threads.
    `halted` tells whether somebody came here.
    """

    def __init__(self) -> None:
        self.thread: int | None = None
        self.halted = False
        self.reached = threading.Event()
        self.released = threading.Event()

    def __call__(self, *arguments: Any) -> None:
        """Halt the thread until the other one has done its part."""
        if threading.get_ident() == self.thread and not self.halted:
            self.halted = True
            self.reached.set()
            self.released.wait()

    def along(self, work: Callable[[], Any]) -> Any:
        """Do `work` in this thread, which is the one to halt, and return what it returns."""
        self.thread = threading.get_ident()
        try:
            return work()
        finally:
            self.reached.set()


@contextmanager
def replaced(owner: Any, name: str, around: Callable[..., Any]) -> Iterator[None]:
    """Have calls of the method `name` of `owner`, and of others of its class, done by `around`.

    around: gets the method, and then the arguments of the call
    """

    def instead_of(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **options: around(method, *arguments, **options)

    with ExitStack() as stack:
        for place in (owner,) if isinstance(owner, type) else (owner, type(owner)):
            if callable(method := getattr(place, name, None)):
                with suppress(AttributeError, TypeError):  # a class that can't be changed
                    stack.enter_context(patch.object(place, name, instead_of(method)))
        yield


class Before(Halt):
    """A halt just before a call of the method `name` of `owner`, or of another of its class.

    callback: halt in that call instead, before it calls a function that it was given
    """

    def __init__(self, owner: Any, name: str, *, callback: bool = False) -> None:
        super().__init__()
        self.owner, self.name, self.callback = owner, name, callback

    def along(self, work: Callable[[], Any]) -> Any:
        """Do `work` in this thread, with the halt in place."""
        with replaced(self.owner, self.name, self.calling if self.callback else self.around):
            return super().along(work)

    def around(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do a call, with the halt at its side."""
        self()
        return method(*arguments, **options)

    def calling(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do a call of the method, where the halt is beside what it calls."""

        def beside(argument: Any) -> Any:
            if not callable(argument):
                return argument
            return lambda *given: self.around(argument, *given)

        options = {name: beside(value) for name, value in options.items()}
        return method(*map(beside, arguments), **options)


class After(Before):
    """A halt just after a call of the method `name` of `owner`, or of another of its class.

    callback: halt in that call instead, after it has called a function that it was given
    """

    def around(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do a call, with the halt at its side."""
        result = method(*arguments, **options)
        self()
        return result


class AtStep(Halt):
    """A halt at one step of the first thread: where it begins or ends the call of a function.

    number: which step it is, from 1

    `steps` tells how many there have been.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.steps = number, 0

    def along(self, work: Callable[[], Any]) -> Any:
        """Do `work` in this thread, with its steps counted."""

        def counted() -> Any:
            sys.setprofile(self.step)
            try:
                return work()
            finally:
                sys.setprofile(None)

        return super().along(counted)

    def step(self, frame: Any, event: str, argument: Any) -> None:
        """Count a step, and halt at the one that is meant."""
        if event in ("call", "return", "c_call"):
            self.steps += 1
            if self.steps == self.number:
                self()


def meanwhile(first: Callable[[], Any], second: Callable[[], Any], halt: Halt) -> tuple[Any, Any]:
    """Do `first` up to the halt, then `second`, then the rest of `first`; return what both return.

    Each has a thread of its own.  Where `second` has to wait for `first`, that goes on; where
    `first` does not come to the halt, it ends before `second` begins.  Raises what they raise.
    """
    one = Background(lambda: halt.along(first))
    if not halt.reached.wait(one.limit):
        raise AssertionError("expected the first thread to get on, but it waits for ever")
    two = Background(second)
    two.stand()
    halt.released.set()
    return one.result(), two.result()


def at_every_step(schedule: Callable[[Halt], Any]) -> set[Any]:
    """Call `schedule` with one halt after the other, until all are passed; return what it returned.

    schedule: calls `meanwhile` with the halt, and returns what comes of it, in a hashable form

    Each halt is one step later than the one before.  Where there are more than 200 steps, some are
    left out, evenly.  Behind the last one is the schedule in which `first` is not halted at all.
    """
    outcomes, halt = set(), AtStep(0)
    while halt.halted or halt.number == 0:
        halt = AtStep(halt.number + 1 + halt.steps // 200)
        outcomes.add(schedule(halt))
    return outcomes


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do all `works` at the same time, each in a thread of its own, and return what they return.

    They wait for each other before they begin, and each lets the others go first after every few
    steps, so that they get into each other's way as often as they can.
    """
    start = threading.Barrier(len(works))

    def giving_way(work: Callable[[], Any]) -> Any:
        steps = count()

        def step(*_: Any) -> None:
            if next(steps) % 20 == 0:
                time.sleep(0)

        start.wait()
        sys.setprofile(step)
        try:
            return work()
        finally:
            sys.setprofile(None)

    threads = [Background(partial(giving_way, work)) for work in works]
    return [thread.result() for thread in threads]


@contextmanager
def syncs(storage: Any) -> Iterator[list[Any]]:
    """The calls of the `sync` method of a storage, by connections that are made inside the block.

    A call that says not to insist, by the argument false, is none.
    """
    calls: list[Any] = []

    def note(method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        if False not in (*arguments, *options.values()):
            calls.append("sync")
        return method(*arguments, **options)

    def nothing(force: bool = True) -> None:
        pass

    with ExitStack() as stack:
        if not hasattr(storage, "sync"):
            stack.enter_context(patch.object(storage, "sync", nothing, create=True))
        stack.enter_context(replaced(storage, "sync", note))
        yield calls
