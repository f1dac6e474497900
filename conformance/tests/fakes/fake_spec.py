"""Keys and values in a fake database.

Clauses for the tests of the supervisor and the reports, apart from the registry of the real ones.
"""

from __future__ import annotations

from zodb_spec.clause import MAY, MUST, SHOULD, Clause
from zodb_spec.editions import EDITIONS


def set_() -> None:
    """A value that was set is kept until another is set.

    It is kept as it was given: a program that changes a list after it was set
    changes what is stored::

        values["a"] = []
    """


def get() -> None:
    """A name gives the value that was set last."""


def commit() -> None:
    """A commit returns, or raises an error that says why nothing was stored."""


def example() -> None:
    """One and one make two.

    >>> 1 + 1
    2
    """


def undo() -> None:
    """A transaction can be undone."""


def no_undo() -> None:
    """Where nothing can be undone, undo is refused."""


def pack() -> None:
    """A pack keeps what is reachable."""


def may() -> None:
    """A database may be called by a name."""


def disk() -> None:
    """What was stored is there when the power comes back."""


def caller() -> None:
    """A program does not use a connection in two threads at once."""


def alone() -> None:
    """A storage does by itself what it is asked for."""


alone.__module__ = "zodb_spec.chapters.storage.fake"


def clause(function, id, level, **more):
    given = {
        "kind": "step",
        "binds": "connection",
        "rules": (),
        "error": (),
        "editions": EDITIONS,
        "needs": (),
        "without": (),
        "situations": (),
        **more,
    }
    return Clause(id=id, level=level, function=function, **given)


CLAUSES = {
    entry.id: entry
    for entry in (
        clause(set_, "fake.set", MUST),
        clause(get, "fake.get", MUST, situations=("a-is-one",)),
        clause(commit, "fake.commit", MUST),
        clause(example, "fake.example", SHOULD, kind="example"),
        clause(undo, "fake.undo", MUST, needs=("undo",)),
        clause(pack, "fake.pack", MUST, needs=("pack",)),
        clause(no_undo, "fake.no-undo", MUST, without=("undo",)),
        clause(may, "fake.name", MAY),
        clause(disk, "fake.disk", MUST, binds="storage"),
        clause(caller, "fake.threads", MUST, kind="text", binds="caller"),
        clause(alone, "storage.fake", MUST, binds="storage"),
    )
}
