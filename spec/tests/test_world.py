"""Worlds are values: asking changes nothing, and a change makes another one."""

from __future__ import annotations

from zodb_spec.explore import SMALL_WORLDS
from zodb_spec.world import (
    NEVER,
    Database,
    Fact,
    Plain,
    Record,
    Transaction,
    current,
    state_of,
)

SHARED = SMALL_WORLDS["one-shared-object"].start()


def revision(oid: int, tid: int) -> Transaction:
    return Transaction(tid, {oid: Fact(Record("Thing", {"a": Plain(f"at-{tid}")}), "test", tid)})


HISTORY = Database((revision(0, 1), revision(7, 2), Transaction(3, {}), revision(7, 5)))


def test_the_revision_at_a_point_is_the_newest_that_is_not_newer() -> None:
    found = [HISTORY.revision(7, at) for at in range(7)]
    assert [None if each is None else each[0] for each in found] == [None, None, 2, 2, 2, 5, 5]
    assert found[5] == (5, HISTORY.history[-1].records[7])


def test_an_object_that_is_not_there_has_no_revision_and_no_current_tid() -> None:
    assert HISTORY.revision(8, 5) is None
    assert current(HISTORY.history, 8) == NEVER
    assert current(HISTORY.history, 7) == 5


def test_a_database_knows_its_newest_tid_and_all_oids() -> None:
    assert (HISTORY.last, HISTORY.oids()) == (5, [0, 7])


def test_to_put_something_makes_another_world() -> None:
    thing = SHARED.objects["one1"]
    other = SHARED.put("objects", "one1", thing._replace(base=9))
    assert other.objects["one1"].base == 9
    assert SHARED.objects["one1"] is thing
    both = SHARED.put_all("objects", {"one1": thing, "one2": thing})
    assert both.objects["one2"] is thing
    assert SHARED.put_all("objects", {}) is SHARED


def test_an_object_is_held_under_its_name() -> None:
    assert SHARED.held("connection2", 1) == "one2"
    assert SHARED.held("connection2", 2) is None


def test_the_state_of_an_object_comes_with_the_fact_that_established_it() -> None:
    changed = SHARED.objects["one1"]._replace(state=Fact({"a": Plain("one")}, "memory", 9), base=2)
    in_memory = state_of(SHARED.put("objects", "one1", changed), "one1")
    assert in_memory == Fact(({"a": Plain("one")}, 2), "memory", 9)
    shown = state_of(SHARED, "one2")
    assert shown.value == ({}, 2)
    assert shown.clause == "reach.stored-with-referrer"


def test_an_object_that_its_snapshot_does_not_have_has_no_state() -> None:
    database = SHARED.databases["db"]
    emptied = SHARED.put("databases", "db", database._replace(history=database.history[:1]))
    assert state_of(emptied, "one1").value == (None, NEVER)


def test_a_fact_notes_the_step_at_which_it_was_established() -> None:
    assert SHARED._replace(step=4).fact("x", "test") == Fact("x", "test", 4)
