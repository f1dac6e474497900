"""Everything that is read of a storage, as operations.

They change nothing, so the suite makes each of them, with all arguments that make sense, after any
step that may have changed what they give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zodb_spec.chapters.storage import revisions, snapshots
from zodb_spec.operation import Argument, Outcome, refused
from zodb_spec.protocol import choices
from zodb_spec.protocol.committing import declared, passes
from zodb_spec.protocol.world import (
    NEVER,
    STORAGE,
    Name,
    Oid,
    Shows,
    Store,
    Tid,
    Transaction,
    World,
)

Outcomes = Sequence[Outcome]
READER = Argument("handle", choices.readers)
OID = Argument("oid", choices.oids)
LATEST = r"b'\x7f' + b'\xff' * 7"
"""A tid that is later than all others."""

SECONDS = 5
"""How long it may take until one client has heard of what another one has done: less than a step
may take before it is taken to hang, so that a client which waits in vain is told of as such.
"""

ANY = "None"
"""What stands for a bound that is not given."""


def source(world: World, handle: Name = STORAGE) -> str:
    """The Python by which a handle is read: all but instances show what is newest, the storage
    itself as soon as it has heard of it.
    """
    if handle != STORAGE:
        return handle if world.handles[handle].is_instance else f"newest({handle})"
    if world.is_behind(STORAGE):
        return f"caught_up(reader, {world.store.last}, {SECONDS})"
    return "newest(reader)"


def seen(world: World) -> str:
    """The variable in which the result of a read is kept."""
    return f"seen{world.step}"


def gives(world: World, clause: Callable[..., Any], value: str) -> Outcome:
    """The outcome in which a read gives what is equal to a value."""
    return passes(world, clause, Shows(seen(world), value))


def _shown(world: World, handle: Name) -> Store:
    return choices.current_of(world, handle).store


def _can_be_read(world: World, handle: Name, oid: Oid) -> bool:
    return choices.is_reader(world, handle) and oid in world.store.known()


@declared(
    READER,
    OID,
    line=lambda world, handle, oid: f"{seen(world)} = shown({source(world, handle)}.load({oid}))",
    sensible=_can_be_read,
    weight=2,
)
def load(world: World, handle: Name, oid: Oid) -> Outcomes:
    """Load the current revision, or the one that an instance shows."""
    store = _shown(world, handle)
    if revisions.load_missing(store, oid):
        if world.handles[handle].is_instance and snapshots.is_newer(world.store, store, oid):
            return [refused(world, snapshots.is_newer)]
        return [refused(world, revisions.load_missing)]
    found = revisions.load(store, oid)
    assert found is not None, "it is not missing"
    return [gives(world, revisions.load, f"({found[0].shown}, {found[1]})")]


def _tid_text(tid: Tid) -> str:
    return LATEST if tid == NEVER else tid


def _tids(world: World, handle: Name, *before: str) -> Sequence[str]:
    """The tids of which it is asked what was before them: those after the last pack."""
    known = revisions.unpacked(_shown(world, handle))[-choices.MOST_BACK :]
    # An instance that shows the past has no duty to look beyond it.
    return (*known, NEVER) if handle == STORAGE else known


def _was_forgotten(store: Store, oid: Oid, tid: Tid) -> bool:
    """Whether a pack may have removed what there was of an object before a transaction: who has
    read it before may still know.
    """
    if store.packed == NEVER or store.current(oid) is None:
        return False
    return revisions.earlier(store, oid, tid) is None


@declared(
    READER,
    OID,
    Argument("tid", _tids),
    line=lambda world, handle, oid, tid: (
        f"{seen(world)} = shown({source(world, handle)}.loadBefore({oid}, {_tid_text(tid)}))"
    ),
    sensible=lambda world, handle, oid, tid: (
        _can_be_read(world, handle, oid)
        and tid in _tids(world, handle)
        and not _was_forgotten(_shown(world, handle), oid, tid)
    ),
    needs="old-revisions",
)
def load_before(world: World, handle: Name, oid: Oid, tid: Tid) -> Outcomes:
    """Load what was current before a transaction."""
    store = _shown(world, handle)
    if revisions.load_before_missing(store, oid):
        missing = _missing(world, revisions.load_before_missing)
        # An instance can't tell an object that will be from one that never was.
        return missing[:1] if handle == STORAGE else missing
    if revisions.load_before_deletion(store, oid, tid):
        return _missing(world, revisions.load_before_deletion)
    found = revisions.load_before(store, oid, tid)
    if found is None:
        return [gives(world, revisions.load_before, "None")]
    data, serial, following = found
    assert data is not None, "it is no deletion"
    ends = [following]
    if handle != STORAGE:  # an instance may know what came after all that it shows
        later = revisions.load_before(world.store, oid, tid)
        ends += [] if later is None else [later[2]]
    return [
        gives(world, revisions.load_before, f"({data.shown}, {serial}, {end})")
        for end in dict.fromkeys(ends)
    ]


def _missing(world: World, clause: Callable[..., Any]) -> Outcomes:
    """The outcomes in which a read fails, or gives None."""
    return [refused(world, clause), gives(world, clause, "None")]


def _serials(world: World, handle: Name, oid: Oid) -> Sequence[str]:
    """The newest transactions, of which some have stored the object.  What a pack has removed, who
    has read it before may still know: of that the storage itself is asked alone.
    """
    store = _shown(world, handle)
    tids = store.tids[-choices.MOST_BACK :]
    return tids if handle == STORAGE else left(store, oid, tids)


def left(store: Store, oid: Oid, tids: Sequence[Tid]) -> Sequence[Tid]:
    """Those of some transactions from which nothing of an object was packed away."""
    recent = revisions.unpacked(store)
    stored = [tid for tid, _ in store.lineage(oid)]
    return [tid for tid in tids if tid in recent or tid in stored]


@declared(
    READER,
    OID,
    Argument("tid", _serials),
    line=lambda world, handle, oid, tid: (
        f"{seen(world)} = shown({source(world, handle)}.loadSerial({oid}, {tid}))"
    ),
    sensible=lambda world, handle, oid, tid: (
        _can_be_read(world, handle, oid) and tid in _serials(world, handle, oid)
    ),
    needs="old-revisions",
)
def load_serial(world: World, handle: Name, oid: Oid, tid: Tid) -> Outcomes:
    """Load the revision that a transaction has stored."""
    store = _shown(world, handle)
    if revisions.load_serial_missing(store, oid, tid):
        return [refused(world, revisions.load_serial_missing)]
    found = revisions.load_serial(store, oid, tid)
    assert found is not None, "it is not missing"
    return [gives(world, revisions.load_serial, found.shown)]


@declared(
    line=lambda world: f"{seen(world)} = {source(world)}.lastTransaction()",
)
def last_transaction(world: World) -> Outcomes:
    """Ask for the last transaction."""
    tid = revisions.last_transaction(world.store)
    return [gives(world, revisions.last_transaction, tid)]


def _existing(world: World, *before: str) -> Sequence[str]:
    return [oid for oid in choices.stored_oids(world) if revisions.load(world.store, oid)]


@declared(
    Argument("oid", _existing),
    line=lambda world, oid: f"{seen(world)} = {source(world)}.getTid({oid})",
    sensible=lambda world, oid: oid in _existing(world),
    needs="serving",
)
def get_tid(world: World, oid: Oid) -> Outcomes:
    """Ask for the tid of the current revision."""
    return [gives(world, revisions.get_tid, revisions.get_tid(world.store, oid))]


def _whole(world: World, *before: str) -> Sequence[str]:
    """The objects that were never deleted: whether a deletion has an entry is not said."""
    return [oid for oid in choices.stored_oids(world) if _is_whole(world.store, oid)]


def _is_whole(store: Store, oid: Oid) -> bool:
    return all(revision.value is not None for _, revision in store.lineage(oid))


def _noted(transaction: Transaction) -> str:
    return f"({transaction.tid}, {transaction.notes.description})"


@declared(
    Argument("oid", _whole),
    line=lambda world, oid: f"{seen(world)} = history_of({source(world)}, {oid})",
    sensible=lambda world, oid: oid in choices.stored_oids(world) and _is_whole(world.store, oid),
    needs="history old-revisions",
)
def history_of(world: World, oid: Oid) -> Outcomes:
    """List the revisions of an object."""
    store = world.store
    tids = revisions.history(store, oid)
    unpacked = revisions.unpacked(store)
    told = [
        ", ".join(_noted(store.transaction(tid)) for tid in each)
        for each in (tids, [tid for tid in tids if tid in unpacked])
    ]
    return [gives(world, revisions.history, f"[{each}]") for each in dict.fromkeys(told)]


def _bounds(world: World, *before: str) -> Sequence[str]:
    return (ANY, *world.store.tids[-2:])


@declared(
    Argument("start", _bounds),
    Argument("stop", _bounds),
    line=lambda world, start, stop: (
        f"{seen(world)} = transactions({source(world)}.iterator({start}, {stop}))"
    ),
    sensible=lambda world, start, stop: {start, stop} <= set(_bounds(world)),
    needs="iteration old-revisions",
)
def iterate(world: World, start: Tid, stop: Tid) -> Outcomes:
    """List transactions with their records."""
    bounds = [NEVER if bound == ANY else bound for bound in (start, stop)]
    found = revisions.iteration(world.store, *bounds)
    told = ", ".join([each.shown for each in found if each.revisions])
    return [gives(world, revisions.iteration, f"[{told}]")]


@declared(
    line=lambda world: f"{seen(world)} = notes_of({source(world)}.iterator())",
    needs="iteration old-revisions",
)
def list_notes(world: World) -> Outcomes:
    """List what the storage was told of the transactions."""
    told = ", ".join(f"({tid}, {', '.join(noted)})" for tid, noted in revisions.notes(world.store))
    return [gives(world, revisions.notes, f"[{told}]")]


@declared(
    line=lambda world: f"{seen(world)} = current_records({source(world)})",
    sensible=lambda world: bool(_existing(world)),
    needs="record-iteration",
)
def list_records(world: World) -> Outcomes:
    """List the current records."""
    told = []
    for oid in revisions.record_iteration(world.store):
        found = revisions.load(world.store, oid)
        assert found is not None, "it exists"
        told.append(f"({oid}, {found[1]}, {found[0].shown})")
    return [gives(world, revisions.record_iteration, f"sorted([{', '.join(told)}])")]


READS = (
    "load",
    "last-transaction",
    "load-before",
    "load-serial",
    "get-tid",
    "history-of",
    "iterate",
    "list-notes",
    "list-records",
    "list-undo-log",
    "load-blob",
    "open-blob",
    "load-behind",
    "list-announced",
)
"""The operations that change nothing, those first that show a fault most plainly."""

LIGHT = READS[:2]
"""Those that are made after every step."""
