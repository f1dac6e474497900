"""The small worlds of a storage: each obeys every law, and contains what it did."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from zodb_spec.clause import clauses
from zodb_spec.explore import STORAGE_WORLDS, Exploration, StorageBounds, shortest
from zodb_spec.explore.__main__ import main
from zodb_spec.explore.exploring import Taken
from zodb_spec.operation import Raised
from zodb_spec.protocol.world import ROOT, World

COUNTS = {
    # name: distinct worlds, steps with their outcomes, steps to the farthest world
    "stores": (1170, 16056, 18),
    "calls-out-of-order": (54, 584, 14),
    "merges": (60, 132, 16),
    "deletions": (164, 3780, 14),
    "undone-transactions": (949, 3739, 21),
    "undone-counts": (914, 3220, 22),
    "restored": (2191, 7113, 21),
    "garbage": (988, 3874, 15),
    "packed-for-the-past": (750, 1664, 18),
    "undone-and-packed": (1169, 3347, 21),
    "snapshots": (1577, 9371, 10),
    "packed-beside-a-snapshot": (444, 1939, 14),
    "clients": (565, 3599, 15),
    "blobs": (724, 7019, 20),
    "reopened": (3070, 14682, 10),
}
"""What the small worlds contain; see `test_exploring.COUNTS`."""


@cache
def explored(name: str) -> Exploration:
    return STORAGE_WORLDS[name].explore()


@pytest.mark.once
@pytest.mark.parametrize("name", STORAGE_WORLDS)
def test_a_small_world_obeys_every_law_and_contains_what_it_did(name: str) -> None:
    found = explored(name)
    assert found.violation is None
    assert (found.worlds, found.taken, found.depth) == COUNTS[name]
    assert found.complete == (STORAGE_WORLDS[name].bounds.steps is None)


@pytest.mark.once
def test_every_step_clause_is_exercised_in_some_small_world() -> None:
    missing = {
        clause.id
        for clause in clauses().values()
        if (clause.kind, clause.part) == ("step", "storage")
    }
    for name in STORAGE_WORLDS:
        missing -= explored(name).exercised.keys()
    assert missing == set()


# What can happen, and what can't.


def way(name: str, *operations: str) -> tuple[World, StorageBounds]:
    """A small world, and its bounds with fewer operations."""
    small = STORAGE_WORLDS[name]
    bounds = replace(small.bounds, operations=operations) if operations else small.bounds
    return small.start(), bounds


def names(trace: tuple[tuple[str, ...], ...] | None) -> list[str] | None:
    return None if trace is None else [step[0] for step in trace]


def test_who_was_given_an_old_revision_is_told_so_by_its_store_or_by_its_vote() -> None:
    def told_by(operation: str) -> list[str] | None:
        def wanted(taken: Taken) -> bool:
            refused = isinstance(taken.outcome.seen, Raised)
            return refused and taken.step[0] == operation

        return names(shortest(*way("stores", "tpc-begin", "store", "tpc-vote"), wanted))

    assert told_by("store") == ["tpc-begin", "store"]
    assert told_by("tpc-vote") == ["tpc-begin", "store", "tpc-vote"]


def test_an_instance_shows_what_was_finished_once_it_has_looked() -> None:
    def shows_the_newest(taken: Taken) -> bool:
        if taken.step[0] != "load" or taken.step[1] == "storage":
            return False
        store = taken.world.store
        return len(store.history) > 2 and taken.world.handles[taken.step[1]].snapshot == store.last

    calls = ("tpc-begin", "store", "tpc-vote", "tpc-finish", "new-instance", "load")
    start, bounds = way("snapshots", *calls, "poll")
    trace = names(shortest(start, bounds, shows_the_newest))
    assert trace is not None
    assert trace.index("tpc-finish") < trace.index("poll") < trace.index("load")
    assert shortest(*way("snapshots", *calls), shows_the_newest) is None


def test_what_the_root_leads_to_survives_every_pack() -> None:
    def is_dangling(taken: Taken) -> bool:
        store = taken.outcome.world.store
        found = store.current(ROOT)
        return (
            taken.step[0] == "pack-storage"
            and found is not None
            and any(store.current(oid) is None for oid in found[1].value.oids)
        )

    assert shortest(*way("garbage"), is_dangling) is None


def test_what_nothing_leads_to_is_collected_or_kept() -> None:
    def goes(collected: bool) -> list[str] | None:
        def wanted(taken: Taken) -> bool:
            before, after = taken.world.store, taken.outcome.world.store
            return (
                taken.step[0] == "pack-storage"
                and before.current(ROOT)[1].value.oids == ()  # type: ignore[index]  # it is there
                and (after.current("oid1") is None) == collected
            )

        return names(shortest(*way("garbage"), wanted))

    pack = ["tpc-begin", "store", "tpc-vote", "tpc-finish", "pack-storage"]
    assert goes(collected=True) == goes(collected=False) == pack


# The command.


def test_the_command_explores_worlds_of_a_storage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calls-out-of-order"]) == 0
    assert "calls-out-of-order: 54 worlds, all of them; 584 steps" in capsys.readouterr().out


def test_the_command_takes_other_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--operation", "all", "--any-word", "--handles", "2", "--worlds", "99"]
    assert main(["snapshots", *options, "--connections", "9"]) == 0
    assert "snapshots: 99 worlds, within the bounds" in capsys.readouterr().out
