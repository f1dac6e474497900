"""The process that is killed: ``python -m zodb_conformance.crashes.child REQUEST``."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zodb_conformance.crashes.ledger import Book
from zodb_conformance.crashes.stream import step_of
from zodb_conformance.crashes.working import Worker
from zodb_conformance.plan import Plan
from zodb_conformance.supervisor.child import describe, die_with
from zodb_conformance.targets import Target, resolve


@dataclass(frozen=True)
class Request:
    """What a child is to do.

    plan    names the target
    folder  of its storage
    ledger  the file of the ledger, from which it goes on
    seed    of the stream
    upto    the number of the last step
    step, moment  where it kills itself: a moment of a step, -1 and "" for nowhere
    halted  the file that it makes there, where it only halts, and goes on when it gets the signal
            to continue; "" where it kills itself
    parent  the process without which it ends
    """

    plan: Plan
    folder: str
    ledger: str
    seed: int
    upto: int
    step: int = -1
    moment: str = ""
    halted: str = ""
    parent: int = 0

    def to_json(self) -> str:
        """The request as text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """The request that `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        return cls(**{**data, "plan": Plan.from_json(data["plan"])})


def main(text: str) -> None:
    """Do what is asked for, up to the end or the moment to die."""
    request = Request.from_json(text)
    die_with(request.parent)
    target = resolve(request.plan)
    book = Book(Path(request.ledger))

    def reached(moment: str) -> None:
        if (book.ledger.step, moment) != (request.step, request.moment):
            return
        if request.halted:
            Path(request.halted).touch()
        os.kill(os.getpid(), signal.SIGSTOP if request.halted else signal.SIGKILL)

    try:
        work(request, target, book, reached)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        book.write("failed", error=describe(error))
        sys.exit(1)


def work(request: Request, target: Target, book: Book, reached: Callable[[str], None]) -> None:
    """Perform the steps that are left, in the storage of the folder."""
    assert target.storage is not None
    open_storage = target.storage.open
    worker = Worker(lambda: open_storage(Path(request.folder)), book, reached)
    worker.open()
    for number in range(book.ledger.step + 1, request.upto + 1):
        worker.perform(step_of(request.seed, number, book.ledger, target.capabilities))
    worker.close()


if __name__ == "__main__":
    main(sys.argv[1])
