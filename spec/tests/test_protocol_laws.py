"""The laws of the storage protocol, on the way through everything that there is, and one by one.

That faults planted in the model are found by them is in `test_planted_faults`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_spec.chapters.storage import protocol_laws, revisions
from zodb_spec.explore import begin
from zodb_spec.explore.checking import broken
from zodb_spec.operation import operations
from zodb_spec.protocol.preludes import LINKED_RECORDS, STORED, committed
from zodb_spec.protocol.world import NEVER, Data, Store, World, initial
from zodb_spec.script import WIDTH, after, makes_sense, mix, outcomes, resolve
from zodb_spec.world import Fact

SCRIPTS, STEPS = 60, 40


@pytest.mark.parametrize("prelude", [(), STORED, LINKED_RECORDS])
def test_scripts_that_are_drawn_obey_the_laws(prelude: tuple[tuple[str, ...], ...]) -> None:
    table, choice = operations("storage"), mix({"pack-storage": 9}, "storage")
    for number in range(SCRIPTS):
        draw, world = Random(number), initial(resolves=number % 2 == 0)
        for index, given in enumerate([*prelude, *[None] * STEPS], 1):
            world = world._replace(step=index)
            step = given or resolve(world, [draw.randrange(1 << 16) for _ in range(WIDTH)], choice)
            if step is None or not makes_sense(world, step):
                continue
            outcome = draw.choice(table[step[0]].outcomes(world, step[1:])[0])
            assert broken(world, step, outcome) is None
            world = outcome.world


CHANGED = begin((*STORED, *committed(5, ("oid1", "'two'"), ("oid0", "'three'"))))
OTHER = Data("mapping", "'other'")


@pytest.mark.parametrize(
    ("read", "wrong"),
    [
        ("load", lambda store, oid: (OTHER, "tid5")),
        ("load_before", lambda store, oid, tid: None),
        ("load_before", lambda store, oid, tid: (OTHER, "tid5", None)),
        ("load_serial", lambda store, oid, tid: OTHER),
        ("get_tid", lambda store, oid: "tid2"),
        ("history", lambda store, oid: ["tid2", "tid5"]),
        ("record_iteration", lambda store: ["oid0"]),
        ("record_iteration", lambda store: []),
    ],
)
def test_a_read_that_says_something_else_than_the_others_is_noticed(
    read: str, wrong: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert protocol_laws.reads_agree(CHANGED)
    monkeypatch.setattr(revisions, read, wrong)
    assert not protocol_laws.reads_agree(CHANGED)


def test_a_read_of_the_past_that_tells_of_later_times_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def newest(store: Store, oid: str, tid: str) -> Any:
        return correct(store, oid, NEVER)

    correct = revisions.load_before
    monkeypatch.setattr(revisions, "load_before", newest)
    assert not protocol_laws.reads_agree(CHANGED)


REFUSED = begin((*STORED, ("tpc-begin", "storage", "meta9")))
STALE = ("store", "storage", "meta9", "oid1", "stale", "'two'")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda world: world._replace(store=world.store._replace(oids=())),
        lambda world: world._replace(handles={}),
        lambda world: world._replace(idle=("meta9",)),
        lambda world: world._replace(commit=None),
        lambda world: world._replace(
            commit=world.commit._replace(writes={"oid1": Fact(OTHER, "fault")})
        ),
        lambda world: world._replace(commit=world.commit._replace(meta="meta8")),
    ],
)
def test_a_refusal_that_changes_something_is_noticed(spoil: Callable[[World], World]) -> None:
    refused, _ = outcomes(REFUSED, *STALE)
    assert protocol_laws.refusals_change_nothing(REFUSED, STALE, refused)
    wrong = refused._replace(world=spoil(refused.world))
    assert not protocol_laws.refusals_change_nothing(REFUSED, STALE, wrong)


def test_an_instance_that_moves_by_itself_is_noticed() -> None:
    world = after(CHANGED, ("new-instance", "one"), ("poll", "one"))
    (outcome,) = outcomes(world, "tpc-begin", "storage", "meta9")
    moved = {"one": world.handles["one"]._replace(snapshot="tid2")}
    wrong = outcome._replace(world=outcome.world._replace(handles={**world.handles, **moved}))
    assert protocol_laws.snapshots_stand(world, ("tpc-begin", "storage", "meta9"), outcome)
    assert not protocol_laws.snapshots_stand(world, ("tpc-begin", "storage", "meta9"), wrong)
