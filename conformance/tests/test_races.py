"""Races: doubles that have one are found out in the order in which it hurts, and in no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_conformance import schedules
from zodb_conformance.doubles import registered, target_of
from zodb_conformance.examples import run_example
from zodb_conformance.quoting import QUOTABLE
from zodb_conformance.results import Deviation, Tally
from zodb_conformance.schedules import AtStep, Halt, in_thread
from zodb_conformance.targets import Target, zodb
from zodb_conformance.targets.editions import in_edition
from zodb_spec.clause import clauses

RACES = (
    "the-pool-looks-first-and-takes-then",
    "a-closed-connection-forgets-its-manager-once-more",
    "invalidations-behind-the-snapshot-are-taken-too",
    "the-state-is-chosen-after-its-invalidations",
    "an-opening-chooses-its-state-when-it-is-ready",
    "a-closed-connection-counts-as-up-to-date",
    "a-connection-that-is-not-registered-yet-cannot-be-closed",
    "what-has-been-loaded-counts-as-current",
    "an-object-with-its-state-counts-as-current",
    "a-commit-is-announced-when-it-is-visible-already",
    "conflicts-are-looked-for-before-it-is-ones-turn",
    "a-commit-without-records-loses-its-turn",
    "a-connection-announces-its-commit-when-it-has-returned",
    "an-undo-is-announced-before-it-is-done",
    "a-commit-makes-everything-before-it-known",
    "marks-are-checked-before-it-is-ones-turn",
    "oids-are-counted-without-a-lock",
    "what-was-read-is-kept-for-the-next-reader",
    "a-pack-keeps-what-there-was-when-it-began",
    "whether-it-has-changed-is-asked-too-early",
    "locks-are-looked-for-before-it-is-ones-turn",
    "the-end-of-a-version-is-announced-before-it-is-there",
)
"""Doubles that are right as long as no other thread comes in between."""

Work = Callable[[], Any]


def u64(number: bytes) -> int:
    return int.from_bytes(number, "big")


def p64(number: int) -> bytes:
    return number.to_bytes(8, "big")


def first_first(first: Work, second: Work, halt: Halt) -> tuple[Any, Any]:
    """What `meanwhile` is without a race: one after the other."""
    halt.halted = not isinstance(halt, AtStep)
    return in_thread(first), in_thread(second)


def second_first(first: Work, second: Work, halt: Halt) -> tuple[Any, Any]:
    """The same the other way round."""
    return first_first(second, first, halt)[::-1]


def performed(clause: str, target: Target, tmp_path: Path) -> Deviation | None:
    return run_example(clauses()[clause], target, tmp_path, Tally())


def found(name: str, meanwhile: Any, tmp_path: Path) -> Deviation | None:
    double = registered()[name]
    with patch.dict(QUOTABLE, meanwhile=meanwhile):
        return performed(double.clause, in_edition(target_of(double), double.edition), tmp_path)


@pytest.mark.parametrize("name", RACES)
def test_a_race_is_found_whenever_its_order_is_forced(name: str, tmp_path: Path) -> None:
    for number in ("1", "2", "3"):
        (tmp_path / number).mkdir()
        deviation = found(name, schedules.meanwhile, tmp_path / number)
        assert deviation is not None
        assert deviation.clause == registered()[name].clause


@pytest.mark.parametrize("order", [first_first, second_first])
@pytest.mark.parametrize("name", RACES)
def test_a_race_does_not_show_where_one_comes_after_the_other(
    name: str, order: Any, tmp_path: Path
) -> None:
    assert found(name, order, tmp_path) is None


def invalidations_last(instance: Any) -> list[bytes]:
    """How ZODB passed a boundary in its releases 5.0 to 5.5."""
    instance._start = p64(u64(instance._storage.lastTransaction()) + 1)
    with instance._lock:
        taken, instance._invalidations = list(instance._invalidations), set()
    return taken


def invalidations_first(instance: Any) -> list[bytes]:
    """How a development version of ZODB 5.0 did it."""
    with instance._lock:
        taken, instance._invalidations = list(instance._invalidations), set()
    instance._start = p64(u64(instance._storage.lastTransaction()) + 1)
    return taken


@pytest.mark.parametrize("boundary", [invalidations_last, invalidations_first])
@pytest.mark.parametrize("what", ["boundary", "opening"])
def test_the_race_of_boundaries_that_zodb_had_is_found(
    what: str, boundary: Any, tmp_path: Path
) -> None:
    adapter = pytest.importorskip("ZODB.mvccadapter", reason="it is ZODB that had the race")
    with patch.object(adapter.MVCCAdapterInstance, "poll_invalidations", boundary):
        deviation = performed(f"thread.{what}-against-finishing", zodb.mapping(), tmp_path)
    assert deviation is not None


def test_the_race_of_closing_that_zodb_had_is_found(tmp_path: Path) -> None:
    """In its release 5.0.1 a connection forgot its manager when it was in the pool already."""
    connections = pytest.importorskip("ZODB.Connection", reason="it is ZODB that had the race")
    correct = connections.Connection.close

    def close(connection: Any, primary: bool = True) -> None:
        correct(connection, primary)
        connection.transaction_manager = None

    with patch.object(connections.Connection, "close", close):
        deviation = performed("thread.closing-against-reuse", zodb.mapping(), tmp_path)
    assert deviation is not None
