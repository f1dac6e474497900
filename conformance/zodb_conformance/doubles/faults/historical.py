"""Faults in connections to the past: they show another point, move, or take changes."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import ReadConflictError
from zodb_reference.historical import HistoricalSnapshot
from zodb_reference.oids import maxtid, p64, u64
from zodb_reference.snapshot import Snapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double(
    "historical.shows-the-point",
    also="historical.stays identity.connections-apart",
    checks="walk.history",
)
def the_past_is_off_by_one() -> Fault:
    """A historical connection shows the state before the transaction that it was opened at.

    Who looks at what a transaction has done sees that it has done nothing.
    """

    def init(correct: Any, snapshot: HistoricalSnapshot, storage: Any, before: bytes) -> None:
        correct(snapshot, storage, p64(u64(before) - 1))

    return around(HistoricalSnapshot, "__init__", init)


@double("historical.stays", also="historical.unborn-is-missing", checks="walk.history")
def the_past_catches_up() -> Fault:
    """A historical connection moves to the newest state at the second boundary.

    A report over the last year is about the last year on its first page, and about today on its
    second.
    """

    def advance(correct: Any, snapshot: Any) -> Any:
        if "looked" in vars(snapshot):
            last = snapshot._storage.lastTransaction()
            vars(snapshot)["_before"] = p64(u64(last) + 1)
            return None
        vars(snapshot)["looked"] = True
        return correct(snapshot)

    return around(HistoricalSnapshot, "advance", advance)


@double("historical.unborn-is-missing", checks="walk.history")
def the_unborn_are_a_conflict() -> Fault:
    """To get an object that was created after the point of a historical connection is a conflict.

    The program tries again, and again, since the past will not change.
    """

    def load(correct: Any, snapshot: HistoricalSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except KeyError:
            if snapshot._storage.loadBefore(oid, maxtid) is None:
                raise
            raise ReadConflictError("the object was created later") from None

    return around(HistoricalSnapshot, "load", load)


@double("historical.adds-nothing", checks="walk.history")
def the_past_takes_new_objects() -> Fault:
    """An object can be added to a historical connection.

    It has an oid, which the program may write down, and will never be stored under it.
    """
    return instead(HistoricalSnapshot, "new_oid", Snapshot.new_oid)


@double("historical.commit-refused", checks="walk.history")
def changes_of_the_past_are_dropped() -> Fault:
    """A commit that has changed the past passes, and stores nothing.

    The program is told that its work is safe, and nothing of it is there.
    """
    return instead(HistoricalSnapshot, "require_changeable", lambda snapshot: None)
