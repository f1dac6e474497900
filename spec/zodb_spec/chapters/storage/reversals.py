"""Undo step by step: what becomes of each object when a transaction is undone.

It follows from three states of the object: what it was *before* the transaction that is undone,
what it was *after* it, and what it is *now*, for the transaction that undoes.  Where it is now what
it was after, it becomes what it was before.  Where it is not, its class may be able to take back
the one change and to leave the others.  Where it is not either, nothing at all is undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from zodb_spec.chapters.storage.revisions import unpacked
from zodb_spec.clause import MUST, id_of, step
from zodb_spec.protocol.world import (
    COUNTER,
    Commit,
    Data,
    Oid,
    Revision,
    Store,
    Transaction,
    World,
)


class States(NamedTuple):
    """What an object was before and after a transaction, and is now; None where it was not there,
    or is not.
    """

    before: Data | None
    after: Data | None
    now: Data | None

    @property
    def kinds(self) -> set[str]:
        """Of what sort it was and is."""
        return {state.kind for state in self if state is not None}

    @property
    def can_be_merged(self) -> bool:
        """Whether the class of the object can take back the one change."""
        return None not in self and self.kinds == {COUNTER}


def states(store: Store, commit: Commit, undone: Transaction, oid: Oid) -> States:
    """The states of an object that a transaction has stored, where another one is to undo it."""
    lineage = store.until(undone.tid).lineage(oid)
    before = lineage[-2][1].value if len(lineage) > 1 else None
    current = store.lineage(oid)[-1][1]
    return States(before, lineage[-1][1].value, commit.writes.get(oid, current).value)


@step("protocol.undo", MUST, rules="STOR-51 STOR-53", needs="undo")
def undo(world: World, found: States) -> Revision:
    """`undo` has every object that a transaction has stored become what it was before, as a part of
    another transaction; what was created does not exist any more.  Nobody sees that before the end.
    """
    return world.fact(found.before, id_of(undo))


@step("protocol.undo-changed-back", MUST, rules="STOR-52", needs="undo")
def undo_changed_back(world: World, found: States) -> Revision:
    """What was changed since is in nobody's way where it is the same again, be it by another change
    or by an undo: it becomes what it was before.
    """
    return world.fact(found.before, id_of(undo_changed_back))


@step("protocol.undo-several", MUST, rules="STOR-51 STOR-52", needs="undo")
def undo_several(world: World, found: States) -> Revision:
    """A transaction may undo several others, the newer one first: what an object is now, is then
    what the undo before has made of it.
    """
    return world.fact(found.before, id_of(undo_several))


@step("protocol.undo-merged", MUST, rules="STOR-52 ISO-22", needs="undo conflict-resolution")
def undo_merged(world: World, found: States) -> Revision:
    """Where an object was changed since, its class may take back the one change and leave the
    others: it is asked as in a conflict, the old state being that after the undone transaction, the
    committed one that of now, and the new one that before.  To refuse such an undo is safe too.
    """
    before, after, now = (0 if state is None else int(state.value) for state in found)
    merged = now + before - after
    return world.fact(Data(COUNTER, str(merged)), id_of(undo_merged))


@step("protocol.undo-refused", MUST, rules="STOR-52", error="UndoError", needs="undo")
def undo_refused(found: Mapping[Oid, Revision | None]) -> bool:
    """A transaction can't be undone where one of its objects was changed since, and has become
    something else: `undo` is refused, or the vote is, and nothing of it is undone.  An undo that
    would leave no root may be refused as well: nothing could be opened then.  So may one of an end
    of an object that has come back since and has ended once more: there are no data to compare.

    found: what becomes of the objects, None for one that is in the way
    """
    return None in found.values()


def reversal(world: World, commit: Commit, undone: Transaction) -> dict[Oid, Revision | None]:
    """What becomes of each object that a transaction has stored when it is undone, None for one
    that is in the way.
    """
    found: dict[Oid, Revision | None] = {}
    for oid, stored in undone.revisions.items():
        its = states(world.store, commit, undone, oid)
        if its.now != its.after:
            can_be_merged = world.store.resolves is not False and its.can_be_merged
            found[oid] = undo_merged(world, its) if can_be_merged else None
        elif oid in commit.writes:
            found[oid] = undo_several(world, its)
        elif world.store.serial(oid) != undone.tid:
            found[oid] = undo_changed_back(world, its)
        else:
            assert stored.value == its.now, "nobody has stored it since"
            found[oid] = undo(world, its)
    return found


def ends_once_more(store: Store, found: Mapping[Oid, Revision | None]) -> bool:
    """Whether an end is undone of an object that has come back since, and has ended once more.

    found: what becomes of the objects, as `reversal` gives it
    """
    return any(
        fact is not None
        and fact.clause == id_of(undo_changed_back)
        and store.lineage(oid)[-1][1].value is None
        for oid, fact in found.items()
    )


def is_clear(store: Store, commit: Commit, undone: Transaction) -> bool:
    """Whether it is decided what comes of undoing a transaction.

    It is not where a class would have to merge objects of another class, and not where the same
    transaction has stored or deleted one of the objects.
    """
    for oid in undone.revisions:
        if oid in commit.writes and oid not in commit.undone:
            return False
        if store.current(oid) is None:
            return False
        its = states(store, commit, undone, oid)
        if its.now != its.after and COUNTER in its.kinds != {COUNTER}:
            return False
    return True


@step("protocol.undo-log", MUST, rules="STOR-56 STOR-50", needs="undo")
def undo_log(store: Store) -> list[Transaction]:
    """`undoLog` lists the transactions that can be undone, newest first: all since the storage was
    packed.
    """
    return [store.transaction(tid) for tid in reversed(unpacked(store))]
