"""Laws about undo and pack: what both leave as it was."""

from __future__ import annotations

from collections.abc import Iterator

from zodb_spec.chapters.joint_laws import COMMITS
from zodb_spec.chapters.step_laws import ENDS, acting
from zodb_spec.chapters.undo import undo_restores, undo_uncreates
from zodb_spec.clause import MUST, id_of, law
from zodb_spec.operation import Outcome, Raised, Step
from zodb_spec.world import Database, Name, Oid, State, Tid, Transaction, Undo, World

UNDOES = (id_of(undo_restores), id_of(undo_uncreates))
"""The clauses by which an object is again what it was."""


@law(
    "database.undo-is-exact",
    MUST,
    rules="STOR-51 STOR-52 STOR-53",
    binds="storage",
    needs="undo",
)
def undo_is_exact(before: World, step: Step, outcome: Outcome) -> bool:
    """Where a transaction was undone, every object that it had stored shows what it showed just
    before it, and every other object what it shows anyhow.
    """
    after = outcome.world
    return after.databases is before.databases or all(
        _is_exact(database, after.databases[name].history[-1], undone)
        for name, database in before.databases.items()
        if name in after.databases  # it may have been closed
        for undone in _undone(before, after, name)
    )


def _is_exact(database: Database, added: Transaction, undone: Tid) -> bool:
    """Whether a transaction has done nothing but to undo another one."""
    return added.records.keys() == database.transaction(undone).records.keys() and all(
        fact.value.state == _shown(database, oid, undone - 1) for oid, fact in added.records.items()
    )


def _shown(database: Database, oid: Oid, at: Tid) -> State | None:
    found = database.revision(oid, at)
    return None if found is None else found[1].value.state


@law("database.undo-with-its-commit", MUST, rules="STOR-51", binds="storage", needs="undo")
def undo_with_its_commit(before: World, step: Step, outcome: Outcome) -> bool:
    """Where a commit returns, everything was undone that was asked for in its transaction, in every
    database; and where a transaction has ended, well or not, nothing is left to be undone with the
    next one.
    """
    if step[0] not in ENDS or isinstance(outcome.seen, Raised):
        return True
    manager = acting(before, step)
    assert manager is not None
    return not outcome.world.managers[manager].changes and (
        step[0] not in COMMITS
        or all(
            task.tid in set(_undone(before, outcome.world, task.database))
            for task in before.managers[manager].changes
            if type(task) is Undo
        )
    )


def _undone(before: World, after: World, database: Name) -> Iterator[Tid]:
    """The transactions of a database that a step has undone."""
    known = len(before.databases[database].history)
    for added in after.databases[database].history[known:]:
        for fact in added.records.values():
            if fact.clause in UNDOES:
                yield fact.value.base


@law("database.packed-is-over", MUST, rules="STOR-47", binds="storage", needs="pack")
def packed_is_over(world: World) -> bool:
    """As long as nobody packs who still needs what was, nobody misses it: no open connection shows
    a state from before the newest one at the time of a pack, and no transaction from then is going
    to be undone.
    """
    return all(
        connection.snapshot >= world.database_of(name).packed
        for name, connection in world.connections.items()
        if connection.is_open.value
    ) and all(
        task.tid > world.databases[task.database].packed
        for manager in world.managers.values()
        for task in manager.changes
        if type(task) is Undo
    )
