"""Faults planted in the model of the storage protocol are found by the law that they break."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import pytest
from zodb_spec.chapters.storage import commits, snapshots, upkeep
from zodb_spec.explore.checking import broken, laws
from zodb_spec.operation import operations
from zodb_spec.protocol.preludes import LINKED_RECORDS, STORED
from zodb_spec.protocol.world import Commit, Store, World, initial
from zodb_spec.script import WIDTH, makes_sense, mix, resolve

SCRIPTS, STEPS = 300, 40


def found(prelude: tuple[tuple[str, ...], ...] = (), scripts: int = SCRIPTS) -> str | None:
    """The first law that some script on the model breaks."""
    table, choice = operations("storage"), mix({"pack-storage": 9}, "storage")
    for number in range(scripts):
        draw, world = Random(number), initial(resolves=number % 2 == 0)
        for index, given in enumerate([*prelude, *[None] * STEPS], 1):
            world = world._replace(step=index)
            step = given or resolve(world, [draw.randrange(1 << 16) for _ in range(WIDTH)], choice)
            if step is None or not makes_sense(world, step):
                continue
            outcome = draw.choice(table[step[0]].outcomes(world, step[1:])[0])
            law = broken(world, step, outcome)
            if law is not None:
                return law
            world = outcome.world
    return None


def test_the_model_obeys_its_laws() -> None:
    for prelude in ((), STORED, LINKED_RECORDS):
        assert found(prelude, 60) is None


class Fault(NamedTuple):
    """A fault in the model: what goes wrong instead of a function, and the law that it breaks."""

    owner: Any
    function: str
    faulty: Callable[..., Any]
    law: str


def twice(correct: Callable[..., Store], world: World, oid: str) -> Store:
    store = correct(world, oid)
    return store._replace(oids=(*store.oids, *store.oids[-1:]))


def seen_at_once(correct: Callable[..., Any], world: World, commit: Commit) -> Any:
    store = commits.finish(world, commit, f"tid{world.step}")
    return correct(world._replace(store=store), commit)


def in_part(correct: Callable[..., Store], world: World, commit: Commit, tid: str) -> Store:
    return correct(world, commit._replace(writes=dict(list(commit.writes.items())[1:])), tid)


def nobody_conflicts(correct: Callable[..., Any], world: World, oid: str, serial: str) -> bool:
    return False


def too_much(correct: Callable[..., Store], world: World, **how: bool) -> Store:
    packed = correct(world, **how)
    first = next(i for i, each in enumerate(packed.history) if each.revisions)
    history = list(packed.history)
    history[first] = history[first]._replace(revisions={})
    return packed._replace(history=tuple(history))


def everybody_moves(correct: Callable[..., World], world: World, name: str) -> World:
    after = correct(world, name)
    moved = {
        each: handle._replace(snapshot=world.store.last) if handle.is_instance else handle
        for each, handle in after.handles.items()
    }
    return after._replace(handles=moved)


FAULTS = (
    Fault(commits, "new_oid", twice, "protocol.names-are-given-once"),
    Fault(commits, "abort", seen_at_once, "protocol.only-the-end-is-seen"),
    Fault(commits, "finish", in_part, "protocol.all-or-nothing"),
    Fault(commits, "conflict", nobody_conflicts, "protocol.first-committer-wins"),
    Fault(upkeep, "pack", too_much, "protocol.pack-spares-what-is-current"),
    Fault(snapshots, "poll", everybody_moves, "protocol.snapshots-stand"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.law)
def test_a_planted_fault_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    correct = getattr(fault.owner, fault.function)

    def faulty(*arguments: Any, **options: Any) -> Any:
        return fault.faulty(correct, *arguments, **options)

    faulty.clause = getattr(correct, "clause", "")  # type: ignore[attr-defined]
    monkeypatch.setattr(fault.owner, fault.function, faulty)
    assert found(STORED) == fault.law


def test_every_law_is_broken_by_some_fault() -> None:
    known = {clause.id for group in laws(part="storage") for clause in group}
    assert known == {fault.law for fault in FAULTS}
