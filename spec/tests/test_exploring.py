"""Exploring: every world within the bounds is reached, each once, by the shortest way."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from zodb_spec.clause import clauses
from zodb_spec.explore import SMALL_WORLDS, Bounds, Exploration, explore, shortest
from zodb_spec.explore.__main__ import main
from zodb_spec.explore.exploring import Taken
from zodb_spec.operation import Outcome, Raised, Step
from zodb_spec.world import ROOT, Connection, World

COUNTS = {
    # name: distinct worlds, steps with their outcomes, steps to the farthest world
    "one-object": (542, 4096, 8),
    "two-objects": (1048, 5832, 6),
    "two-connections": (1385, 23511, 12),
    "one-shared-object": (918, 10746, 11),
    "two-shared-objects": (344, 3216, 12),
    "counter": (1146, 7181, 6),
    "tracking": (702, 9880, 11),
    "failures": (114, 1478, 9),
    "open-and-close": (70, 1324, 10),
    "savepoints": (774, 8190, 11),
    "savepoints-and-conflicts": (1488, 17416, 14),
    "counter-and-savepoints": (641, 2948, 7),
    "new-object-and-savepoints": (2886, 32269, 13),
    "new-object-and-savepoints-in-2006": (424, 3904, 11),
    "exchanges": (624, 4635, 6),
    "letting-go-and-savepoints": (264, 2398, 6),
    "collections": (100, 752, 6),
    "groups": (1152, 14516, 12),
    "closings": (746, 4840, 4),
    "cross-references": (1453, 7537, 4),
    "joint-commits": (1340, 7125, 5),
    "joint-savepoints": (1580, 10888, 6),
    "three-shared-objects": (6240, 42816, 16),
    "ambiguity": (6016, 34070, 6),
    "foreign-references": (520, 2397, 4),
    "separate-connections-in-2005": (690, 3324, 5),
    "added-objects": (460, 5554, 10),
    "ambiguity-in-2005": (5732, 32904, 6),
    "history": (233, 2807, 4),
    "unsynchronized": (198, 2262, 10),
    "current-reads": (498, 4820, 14),
    "a-version": (1140, 6423, 6),
    "two-versions": (2030, 8083, 5),
    "created-in-a-version": (4720, 24371, 4),
    "no-versions": (102, 1040, 9),
    "invalid-caches": (522, 4844, 5),
    "invalid-caches-in-2006": (274, 1639, 5),
    "undo": (356, 1143, 5),
    "undone-creation": (599, 2557, 4),
    "pack": (748, 3469, 5),
}
"""What the small worlds contain.

A change of the model that is meant to change what is possible changes these numbers; one that is
not meant to must not. Before you pin new ones, look at which worlds came and which went.
"""


@cache
def explored(name: str) -> Exploration:
    return SMALL_WORLDS[name].explore()


@pytest.mark.once
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SMALL_WORLDS)
def test_a_small_world_obeys_every_law_and_contains_what_it_did(name: str) -> None:
    found = explored(name)
    assert found.violation is None
    assert (found.worlds, found.taken, found.depth) == COUNTS[name]
    assert found.complete == (SMALL_WORLDS[name].bounds.steps is None)


@pytest.mark.once
@pytest.mark.timeout(600)
def test_every_step_clause_is_exercised_in_some_small_world() -> None:
    missing = {
        clause.id
        for clause in clauses().values()
        if (clause.kind, clause.part) == ("step", "connection")
    }
    for name in sorted(SMALL_WORLDS, key=lambda name: COUNTS[name][1]):
        if missing:  # it takes a minute to explore all, and the largest show nothing new
            missing -= explored(name).exercised.keys()
    assert missing == set()


# Snapshot isolation: what can happen, and what can't.

SKEW = SMALL_WORLDS["two-shared-objects"]


def is_write_skew(taken: Taken) -> bool:
    """Whether a step commits, and the transaction before it stored another object unseen."""
    before = taken.world.databases["db"].history
    after = taken.outcome.world.databases["db"].history
    if taken.step[0] != "commit" or len(after) == len(before) or len(before) < 3:
        return False
    one, other = after[-2:]
    return (
        bool(one.records and other.records)
        and set(one.records).isdisjoint(other.records)
        and committer(taken).snapshot < one.tid
    )


def committer(taken: Taken) -> Connection:
    """The connection of the manager that takes a step."""
    connections = taken.world.connections.values()
    return next(found for found in connections if found.manager == taken.step[1])


def test_write_skew_is_possible() -> None:
    trace = shortest(SKEW.start(), SKEW.bounds, is_write_skew)
    assert trace is not None
    assert Counter(step[0] for step in trace) == {"set": 2, "commit": 2}


def is_marked_skew(taken: Taken) -> bool:
    """Whether that happens to a transaction that had marked what the one before it stored."""
    history = taken.outcome.world.databases["db"].history
    return is_write_skew(taken) and bool(committer(taken).read_current & set(history[-2].records))


def test_write_skew_is_impossible_for_who_marks_what_it_reads() -> None:
    bounds = replace(SKEW.bounds, operations=("set", "read-current", "commit"), steps=6)
    assert shortest(SKEW.start(), bounds, is_marked_skew) is None


def test_who_marks_only_something_else_still_risks_write_skew() -> None:
    bounds = replace(SKEW.bounds, operations=("set", "read-current", "commit"), steps=6)

    def wanted(taken: Taken) -> bool:
        return is_write_skew(taken) and bool(committer(taken).read_current)

    assert shortest(SKEW.start(), bounds, wanted) is not None


def is_lost_update(taken: Taken) -> bool:
    """Whether a step stored an object over a revision that its transaction had not seen."""
    before = taken.world.databases["db"]
    return any(
        transaction.tid > before.last and oid in earlier.records and earlier.tid > fact.value.base
        for transaction in taken.outcome.world.databases["db"].history
        for oid, fact in transaction.records.items()
        for earlier in before.history
    )


@pytest.mark.parametrize("name", ["one-shared-object", "two-shared-objects"])
def test_a_lost_update_is_impossible(name: str) -> None:
    small = SMALL_WORLDS[name]
    assert shortest(small.start(), small.bounds, is_lost_update) is None


def test_a_merge_stores_over_a_revision_that_was_not_seen() -> None:
    small = SMALL_WORLDS["counter"]
    assert shortest(small.start(), small.bounds, is_lost_update) is not None


def test_two_transactions_that_changed_one_object_are_in_conflict() -> None:
    small = SMALL_WORLDS["one-shared-object"]
    trace = shortest(
        small.start(),
        small.bounds,
        lambda taken: taken.outcome.clause == "isolation.first-committer-wins",
    )
    assert trace is not None
    assert [step[0] for step in trace] == ["set", "set", "commit", "commit"]


# Bounds.


def test_no_world_is_reached_beyond_the_bounds() -> None:
    small = SMALL_WORLDS["two-connections"]
    bounds = replace(small.bounds, transactions=3, steps=6)

    def beyond(taken: Taken) -> bool:
        database = taken.world.databases["db"]
        stored = len([oid for oid in database.oids() if oid != ROOT])
        return stored > 1 or len(database.history) > 3 or taken.trail.depth > 6

    assert shortest(small.start(), bounds, beyond) is None


def test_a_limit_of_worlds_is_kept() -> None:
    small = SMALL_WORLDS["two-connections"]
    found = explore(small.start(), replace(small.bounds, worlds=50))
    assert (found.worlds, found.complete) == (50, False)


def test_only_the_given_words_are_chosen() -> None:
    small = SMALL_WORLDS["one-shared-object"]
    seen: set[Step] = set()

    def note(before: World, step: Step, outcome: Outcome) -> None:
        seen.add(step)

    explore(small.start(), replace(small.bounds, operations=("set",)), note)
    assert seen == {("set", f"one{n}", "a", value) for n in (1, 2) for value in ("one", "none")}


def test_an_unknown_operation_is_named_with_those_that_there_are() -> None:
    with pytest.raises(LookupError, match="'setting'; there are new, add, set"):
        Bounds(operations=("setting",)).table()


def test_every_outcome_of_a_step_is_followed() -> None:
    small = SMALL_WORLDS["open-and-close"]
    kinds = Counter[str]()

    def note(before: World, step: Step, outcome: Outcome) -> None:
        if step[0] == "open" and not isinstance(outcome.seen, Raised):
            kinds[outcome.seen.kind] += 1

    explore(small.start(), replace(small.bounds, connections=3, steps=3), note)
    assert set(kinds) == {"connection", "new connection"}


def test_a_step_that_changes_nothing_leads_to_no_new_world() -> None:
    small = SMALL_WORLDS["open-and-close"]
    found = explore(small.start(), replace(small.bounds, operations=("read", "root", "get")))
    assert (found.worlds, found.depth, found.complete) == (1, 0, True)


# What is broken is told.


def never_closed(before: World, step: Step, outcome: Outcome) -> str | None:
    """A law that does not hold, for the tests."""
    is_open = [found.is_open.value for found in outcome.world.connections.values()]
    return None if all(is_open) else "test.never-closed"


def test_a_law_that_does_not_hold_is_told_with_the_shortest_trace() -> None:
    small = SMALL_WORLDS["open-and-close"]
    violation = explore(small.start(), small.bounds, never_closed).violation
    assert violation is not None
    assert violation.law == "test.never-closed"
    assert violation.trace == (("close", "connection1"),)
    assert violation.lines == ("connection1.close()",)


def test_an_error_in_the_model_is_told_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    small = SMALL_WORLDS["open-and-close"]
    start = small.start()

    def fail(world: World, *arguments: str) -> bool:
        raise AssertionError("planted")

    monkeypatch.setattr("zodb_spec.chapters.connections.closed_refuses_use", fail)
    with pytest.raises(AssertionError, match="planted") as error:
        explore(start, small.bounds)
    assert error.value.__notes__ == ["at the end of:\nthing10 = connection1.get(oid0)"]


# The command.


def test_the_command_counts_the_worlds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["failures"]) == 0
    assert "failures: 114 worlds, all of them; 1478 steps" in capsys.readouterr().out


def test_the_command_takes_other_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--steps", "3", "--objects", "2", "--connections", "3", "--operation", "open"]
    assert main(["failures", *options, "--transactions", "4"]) == 0
    assert "within the bounds" in capsys.readouterr().out


def test_the_command_takes_the_whole_table(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--operation", "all", "--any-word", "--steps", "1", "--worlds", "99"]
    assert main(["failures", *options]) == 0
    assert "failures: 99 worlds, within the bounds" in capsys.readouterr().out


def test_the_command_shows_how_a_law_is_broken(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "zodb_spec.explore.small.explore",
        lambda start, bounds: explore(start, bounds, never_closed),
    )
    assert main(["open-and-close"]) == 1
    told = capsys.readouterr().out
    assert "  law test.never-closed is broken by\n    connection1.close()\n" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is no world 'nowhere'"),
        (["failures", "--operation", "fail"], "there is no operation 'fail'"),
    ],
)
def test_the_command_says_what_it_does_not_know(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
