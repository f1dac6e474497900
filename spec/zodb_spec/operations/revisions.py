"""What a program does with the revisions that a database keeps: it has transactions undone, and it
packs.
"""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters import undo as undoing
from zodb_spec.chapters.database_history import pack_keeps_current
from zodb_spec.operation import Argument, Outcome, Returned, operation, returned
from zodb_spec.operations import choices
from zodb_spec.operations.transactions import commit, there
from zodb_spec.world import ROOT, Database, Name, Oid, Stored, Tid, Undo, World

Outcomes = Sequence[Outcome]
MANAGER = Argument("manager", choices.idle_managers)
DATABASE = Argument("database", choices.databases)
MOST_BACK = 4

# Undo.


def _backs(world: World, *before: str) -> list[str]:
    """How many transactions there are after each one that can be undone, of the newest ones."""
    found = world.databases[before[-1]]
    newest = found.history[: -MOST_BACK - 1 : -1]
    return [str(back) for back, each in enumerate(newest) if _is_kept(found, each.tid)]


def _is_kept(database: Database, tid: Tid) -> bool:
    """Whether it is still known what was before a transaction, and it has stored something.

    To undo the one that has made the root would leave no database.
    """
    if tid <= max(database.packed, database.history[0].tid):
        return False
    return bool(database.transaction(tid).records)


def _asking(manager: Name, database: Name, back: str) -> str:
    entry = f"{database}.undoLog({back}, {int(back) + 1})[0]"
    return f'{database}.undo({entry}["id"], {manager}.get())'


def _can_be_asked(world: World, manager: Name, database: Name, back: str) -> bool:
    found = world.managers.get(manager)
    return (
        found is not None
        and database in world.databases
        and back in _backs(world, manager, database)
        and found.status.value != "failed"
        and all(task.database != database for task in found.changes)
    )


@operation(
    MANAGER,
    DATABASE,
    Argument("back", _backs),
    line=lambda world, manager, database, back: _asking(manager, database, back),
    sensible=_can_be_asked,
    weight=0,
    needs="undo",
)
def undo(world: World, manager: Name, database: Name, back: str) -> Outcomes:
    """Have a transaction undone with the current one."""
    found = world.managers[manager]
    task = Undo(database, world.databases[database].history[-1 - int(back)].tid)
    after = world.put("managers", manager, found._replace(changes=(*found.changes, task)))
    undoing.undo_at_commit(world, manager)
    return [returned(after, undoing.undo_at_commit, Returned("not recorded"))]


@operation(
    MANAGER,
    DATABASE,
    Argument("back", _backs),
    line=lambda world, manager, database, back: (
        f"{_asking(manager, database, back)}; {manager}.commit()"
    ),
    sensible=lambda world, manager, database, back: (
        _can_be_asked(world, manager, database, back)
        and there(undo(world, manager, database, back)[0].world, manager)
    ),
    weight=0,
    needs="undo",
)
def commit_with_undo(world: World, manager: Name, database: Name, back: str) -> Outcomes:
    """Commit together with undoing a transaction."""
    return commit(undo(world, manager, database, back)[0].world, manager)


# Pack.


def _can_be_packed(world: World, name: Name) -> bool:
    """Whether it is decided what a pack for now does to a database: nothing that anybody sees.

    It isn't while somebody shows an older state or wants to go back to one, while a version holds
    something, and where something is garbage, which goes or stays.
    """
    found = world.databases.get(name)
    return (
        found is not None
        and all(
            connection.snapshot == found.last
            for connection in world.connections.values()
            if connection.database == name and connection.is_open.value
        )
        and all(
            task.database != name for manager in world.managers.values() for task in manager.changes
        )
        and not any(found.holder(oid) for oid in found.oids())
        and _existing(found) == _reached(found)
    )


def _existing(database: Database) -> set[Oid]:
    return {oid for oid in database.oids() if _references(database, oid) is not None}


def _reached(database: Database) -> set[Oid]:
    """What can be reached from the root by strong references inside a database."""
    reached = {ROOT}
    ahead = [ROOT]
    while ahead:
        for oid in _references(database, ahead.pop()) or ():
            if oid not in reached:
                reached.add(oid)
                ahead.append(oid)
    return reached


def _references(database: Database, oid: Oid) -> list[Oid] | None:
    """The strong references of an object inside its database, None where it does not exist."""
    found = database.revision(oid, database.last)
    if found is None or found[1].value.state is None:
        return None
    return [
        value.oid
        for value in found[1].value.state.values()
        if type(value) is Stored and not value.weak and not value.database
    ]


@operation(
    DATABASE,
    line=lambda world, database: f"{database}.pack()",
    sensible=_can_be_packed,
    weight=0,
    needs="pack",
)
def pack(world: World, database: Name) -> Outcomes:
    """Remove what was there before now."""
    packed = pack_keeps_current(world, database)
    after = world.put("databases", database, packed)
    return [returned(after, pack_keeps_current, Returned("not recorded"))]
