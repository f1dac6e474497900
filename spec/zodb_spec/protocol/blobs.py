"""Blobs, as operations on a storage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from zodb_spec.chapters.storage import commits, files
from zodb_spec.operation import Argument, Outcome, refused
from zodb_spec.protocol import choices
from zodb_spec.protocol.committing import asked, can_be_written, declared, passes, unstored
from zodb_spec.protocol.reading import READER, gives, left, seen, source
from zodb_spec.protocol.world import BLOB, ROOT, Name, Oid, Tid, World

Outcomes = Sequence[Outcome]


def _held(world: World) -> str:
    """What is in the file that is stored now: nothing else holds the same."""
    return f"b'held {world.step}'"


def _may_be_blobs(world: World, *before: str) -> Sequence[str]:
    """The objects of which all that was stored is of blobs; the root is none."""
    return [
        oid
        for oid in choices.oids(world)
        if oid != ROOT and choices.kinds(world.store, oid) | _about_to_be(world, oid) <= {BLOB}
    ]


def _about_to_be(world: World, oid: Oid) -> set[str]:
    """Of what sort an object is for the transaction that is being committed."""
    if world.commit is None or oid not in world.commit.writes:
        return set()
    data = world.commit.writes[oid].value
    return set() if data is None else {data.kind}


@declared(
    Argument("handle", choices.committing),
    Argument("transaction", choices.running),
    Argument("oid", _may_be_blobs),
    Argument("serial", choices.serial_words),
    line=lambda world, handle, meta, oid, serial: (
        f"{handle}.storeBlob({oid}, {asked(world, oid, serial)}, blob_record(), "
        f"blob_file({handle}, {_held(world)}), '', {meta})"
    ),
    sensible=lambda world, handle, meta, oid, serial: (
        can_be_written(world, handle, meta, oid, serial) and oid in _may_be_blobs(world)
    ),
    weight=4,
    needs="blobs",
)
def store_blob(world: World, handle: Name, meta: Name, oid: Oid, serial: str) -> Outcomes:
    """Store a blob."""
    commit = choices.own(world, meta)
    if commits.conflict(world, oid, asked(world, oid, serial)):
        return unstored(world, commit, commits.conflict, refused(world, commits.conflict))
    after = files.store_blob(world, commit, oid, _held(world))
    return [passes(world._replace(commit=after), files.store_blob)]


def _asked_for(world: World, *before: str) -> Sequence[str]:
    """The objects of whose files it is asked: blobs, and the root, which has none."""
    known = choices.oids(world)
    return [oid for oid in known if oid == ROOT or BLOB in choices.kinds(world.store, oid)]


def _can_be_asked(world: World, handle: Name, oid: Oid) -> bool:
    return choices.is_reader(world, handle) and oid in _asked_for(world)


def _found(world: World, clause: Callable[..., Any], held: str | None) -> Outcomes:
    if files.is_missing(held):
        return [refused(world, files.is_missing)]
    assert held is not None, "it is not missing"
    return [gives(world, clause, held)]


@declared(
    READER,
    Argument("oid", _asked_for),
    line=lambda world, handle, oid: (
        f"{seen(world)} = read_out(open({source(world, handle)}.loadBlob("
        f"{oid}, {choices.current_of(world, handle).store.serial(oid)}), 'rb'))"
    ),
    sensible=_can_be_asked,
    needs="blobs",
)
def load_blob(world: World, handle: Name, oid: Oid) -> Outcomes:
    """Read the file of the current revision, by its name."""
    store = choices.current_of(world, handle).store
    return _found(world, files.load_blob, files.load_blob(store, oid))


def _tids(world: World, handle: Name, oid: Oid) -> Sequence[str]:
    """The newest transactions, of which some have stored the object.  A client may still have the
    file of a revision that was packed away.
    """
    store = choices.current_of(world, handle).store
    return left(store, oid, store.tids[-choices.MOST_BACK :])


@declared(
    READER,
    Argument("oid", _asked_for),
    Argument("tid", _tids),
    line=lambda world, handle, oid, tid: (
        f"{seen(world)} = read_out({source(world, handle)}.openCommittedBlobFile({oid}, {tid}))"
    ),
    sensible=lambda world, handle, oid, tid: (
        _can_be_asked(world, handle, oid) and tid in _tids(world, handle, oid)
    ),
    needs="blobs old-revisions",
)
def open_blob(world: World, handle: Name, oid: Oid, tid: Tid) -> Outcomes:
    """Read the file of a revision that is not the current one, or is."""
    store = choices.current_of(world, handle).store
    return _found(world, files.open_blob, files.open_blob(store, oid, tid))
