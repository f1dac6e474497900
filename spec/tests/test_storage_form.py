"""Worlds of a storage have one canonical form if they differ in names alone, and else two."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Set
from typing import Any

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from wandering import pairs_of_one_form, walk, what_can_happen
from zodb_spec.explore import STORAGE_WORLDS, begin
from zodb_spec.explore.storage_form import canonical, is_name
from zodb_spec.operation import Step
from zodb_spec.protocol.preludes import LINKED_RECORDS, STORED, committed
from zodb_spec.protocol.world import World
from zodb_spec.script import after
from zodb_spec.world import Fact


def renamed(value: Any, numbers: Mapping[str, str]) -> Any:
    """A world in which every number in a name is another one; mappings are in another order."""
    if isinstance(value, str):
        return re.sub("[0-9]+", lambda n: numbers[n[0]], value) if is_name(value) else value
    if isinstance(value, tuple):
        changed = [renamed(each, numbers) for each in value]
        return type(value)(*changed) if hasattr(value, "_fields") else tuple(changed)
    if isinstance(value, Mapping):
        return {renamed(k, numbers): renamed(v, numbers) for k, v in reversed(value.items())}
    if isinstance(value, Set):
        return frozenset(renamed(each, numbers) for each in value)
    return value


@pytest.mark.parametrize("name", STORAGE_WORLDS)
@pytest.mark.parametrize("seed", range(3))
def test_names_make_no_difference(name: str, seed: int) -> None:
    others = [f"{number}" for number in range(1000, 1300)]
    random.Random(seed).shuffle(others)
    numbers = {str(number): other for number, other in enumerate(others, -100)}
    for world in walk(STORAGE_WORLDS[name], seed, 15):
        twin = renamed(world, numbers)
        assert twin != world
        assert canonical(twin) == canonical(world)


@pytest.mark.once
@pytest.mark.parametrize("name", STORAGE_WORLDS)
def test_in_worlds_of_one_form_the_same_can_happen(name: str) -> None:
    small = STORAGE_WORLDS[name]
    pairs = pairs_of_one_form(small)
    assert len(pairs) >= 5
    for one, other in pairs[:40]:
        assert what_can_happen(one, small, why=True) == what_can_happen(other, small, why=True)


BEGUN: tuple[Step, ...] = (*LINKED_RECORDS, ("tpc-begin", "storage", "meta9"))


def store(oid: str, data: str) -> Step:
    return "store", "storage", "meta9", oid, "current", data


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((store("oid1", "'one'"),), (store("oid2", "'one'"),)),
        ((store("oid1", "'one'"),), (store("oid1", "'two'"),)),
        ((store("oid1", "refers"),), (store("oid2", "refers"),)),
        ((store("oid1", "counter"),), (store("oid1", "'two'"),)),
        ((store("oid0", "'one'"),), (store("oid1", "'one'"),)),
        ((("tpc-vote", "storage", "meta9"),), ()),
        ((("tpc-abort", "storage", "meta9"),), ()),
        ((("delete-object", "storage", "meta9", "oid2", "current"),), ()),
        ((("undo-transaction", "storage", "meta9", "0"),), (store("oid1", "'one'"),)),
        ((("new-instance", "instance9"),), ()),
        ((("new-instance", "instance9"), ("poll", "instance9")), (("new-instance", "instance9"),)),
        ((("new-oid", "oid9"),), ()),
    ],
)
def test_what_a_program_can_notice_makes_a_difference(
    one: tuple[Step, ...], other: tuple[Step, ...]
) -> None:
    assert canonical(begin((*BEGUN, *one))) != canonical(begin((*BEGUN, *other)))


def test_what_was_stored_before_makes_a_difference() -> None:
    found = [
        begin((*STORED, *committed(5, ("oid0", first)), *committed(6, ("oid0", "'three'"))))
        for first in ("'one'", "'two'")
    ]
    assert canonical(found[0]) != canonical(found[1])


def test_what_an_instance_shows_makes_a_difference() -> None:
    old = begin(
        (*STORED, ("new-instance", "one"), ("poll", "one"), *committed(7, ("oid0", "'two'")))
    )
    assert canonical(old) != canonical(after(old, ("poll", "one")))


def test_which_instance_commits_makes_none_where_both_show_the_same() -> None:
    both = (("new-instance", "instance7"), ("new-instance", "instance8"))
    one, other = (
        begin((*STORED, *both, ("tpc-begin", handle, "meta9")))
        for handle in ("instance7", "instance8")
    )
    assert canonical(one) == canonical(other)


def test_which_instance_commits_makes_one_where_they_do_not() -> None:
    both = (("new-instance", "instance7"), ("new-instance", "instance8"), ("poll", "instance8"))
    one, other = (
        begin((*STORED, *both, ("tpc-begin", handle, "meta9")))
        for handle in ("instance7", "instance8")
    )
    assert canonical(one) != canonical(other)


def test_why_something_is_so_makes_no_difference() -> None:
    world: World = begin(BEGUN)
    first, *others = world.store.history
    revisions = {oid: Fact(fact.value, "another", 99) for oid, fact in first.revisions.items()}
    assert world.commit is not None
    twin = world._replace(
        store=world.store._replace(
            history=(first._replace(revisions=revisions), *others), latest="another"
        ),
        commit=world.commit._replace(spared="another"),
        step=99,
    )
    assert twin != world
    assert canonical(twin) == canonical(world)


def test_why_the_vote_will_be_refused_makes_a_difference() -> None:
    world: World = begin(BEGUN)
    assert world.commit is not None
    refused = world._replace(commit=world.commit._replace(refusals=("protocol.conflict",)))
    assert canonical(refused) != canonical(world)


def test_a_mapping_below_a_name_is_told_with_the_name() -> None:
    def holding(*pairs: tuple[str, str]) -> Any:
        inner = {key: frozenset({found}) for key, found in pairs}
        return {"thing1": inner, "thing2": {}}

    one = holding(("oid1", "oid2"), ("oid2", "oid1"))
    assert canonical(one) == canonical(holding(("oid8", "oid9"), ("oid9", "oid8")))
    assert canonical(one) != canonical(holding(("oid1", "oid1"), ("oid2", "oid2")))
