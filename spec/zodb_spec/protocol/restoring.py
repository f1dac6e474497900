"""Restoring what another storage has committed, as operations on a storage."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters.storage import restorations, revisions
from zodb_spec.operation import Argument, Outcome
from zodb_spec.operations.choices import fresh
from zodb_spec.protocol import choices
from zodb_spec.protocol.committing import (
    HANDLE,
    OID,
    RUNNING,
    WRITER,
    can_begin,
    declared,
    exists,
    is_blob,
    is_running,
    notes,
    number,
    passes,
)
from zodb_spec.protocol.world import NEVER, Data, Name, Oid, Tid, World

Outcomes = Sequence[Outcome]

NOW, NEXT = "now", "next"
SAME = "same"


def _given(meta: Name) -> Name:
    """The variable that holds the tid with which a transaction begins."""
    return f"given{number(meta)}"


def _tids(world: World, *before: str) -> Sequence[str]:
    """How the tid is chosen that is given: it is that of now, or the next one after the last.

    What comes after a time that somebody has noted, or packed for, has to be of a later one.
    """
    last = world.store.last
    looked = {world.store.packed, *dict(world.moments).values()}
    return (NOW,) if last != NEVER and last in looked else (NOW, NEXT)


def _beginning(world: World, handle: Name, word: str, meta: Name) -> str:
    chosen = {NOW: "present", NEXT: "next_tid"}[word]
    return (
        f"{_given(meta)} = {chosen}({world.store.last}); "
        f"{meta} = {notes(meta).made}; {handle}.tpc_begin({meta}, {_given(meta)})"
    )


@declared(
    WRITER,
    Argument("chosen", _tids),
    fresh("noted"),
    line=_beginning,
    sensible=lambda world, handle, word, meta: (
        can_begin(world, handle, meta) and word in _tids(world)
    ),
    weight=0,
    needs="restoring",
)
def begin_with_tid(world: World, handle: Name, word: str, meta: Name) -> Outcomes:
    """Begin to commit what was committed elsewhere, with its tid."""
    commit = restorations.begin_with_tid(world, handle, meta, notes(meta), _given(meta))
    return [passes(world._replace(commit=commit), restorations.begin_with_tid)]


def _can_be_restored(world: World, handle: Name, meta: Name, oid: Oid) -> bool:
    """Whether a transaction can restore an object: it has begun with a tid.  Of blobs there would
    have to be a file.
    """
    commit = world.commit
    return (
        commit is not None
        and is_running(world, handle, meta)
        and commit.tid != ""
        and oid in world.store.known()
        and not is_blob(world, oid)
    )


def _restoring(world: World, handle: Name, meta: Name, oid: Oid, *what: str) -> str:
    tid = choices.own(world, meta).tid
    data, hint = what
    return f"{handle}.restore({oid}, {tid}, {data}, '', {hint}, {meta})"


@declared(
    HANDLE,
    RUNNING,
    OID,
    Argument("data", choices.data_words),
    line=lambda world, handle, meta, oid, data: _restoring(
        world, handle, meta, oid, choices.data(world, oid, data).made, "None"
    ),
    sensible=lambda world, handle, meta, oid, data: _can_be_restored(world, handle, meta, oid),
    weight=0,
    needs="restoring",
)
def restore_record(world: World, handle: Name, meta: Name, oid: Oid, data: str) -> Outcomes:
    """Restore a record."""
    commit, made = choices.own(world, meta), choices.data(world, oid, data)
    after = restorations.restore(world, commit, oid, made)
    return [passes(world._replace(commit=after), restorations.restore)]


def _hints(world: World, *before: str) -> Sequence[str]:
    """The newest transactions, of which some have stored the object.  One that was packed is no
    hint: a storage does not have to know of it.
    """
    return revisions.unpacked(world.store)[-choices.MOST_BACK :]


def _hinted_words(world: World, *before: str) -> Sequence[str]:
    return (SAME, SAME, *choices.VALUES)


def _hinted(world: World, oid: Oid, hint: Tid, word: str) -> Data | None:
    """The record for a word: that of the transaction that is hinted at, or another one; None where
    there is none to be the same.
    """
    if word != SAME:
        return choices.data(world, oid, word)
    return revisions.load_serial(world.store, oid, hint)


def _can_be_hinted(world: World, handle: Name, meta: Name, oid: Oid, hint: Tid, word: str) -> bool:
    if not _can_be_restored(world, handle, meta, oid) or hint not in _hints(world):
        return False
    return _hinted(world, oid, hint, word) is not None


def _hinted_line(world: World, handle: Name, meta: Name, oid: Oid, hint: Tid, word: str) -> str:
    data = _hinted(world, oid, hint, word)
    assert data is not None, "it was looked whether there is one"
    return _restoring(world, handle, meta, oid, data.made, hint)


@declared(
    HANDLE,
    RUNNING,
    OID,
    Argument("hint", _hints),
    Argument("data", _hinted_words),
    line=_hinted_line,
    sensible=_can_be_hinted,
    weight=0,
    needs="restoring",
)
def restore_hinted(
    world: World, handle: Name, meta: Name, oid: Oid, hint: Tid, word: str
) -> Outcomes:
    """Restore a record, and tell of an earlier transaction that may have the same data."""
    commit, data = choices.own(world, meta), _hinted(world, oid, hint, word)
    assert data is not None, "it was looked whether there is one"
    after = restorations.restore_hinted(world, commit, oid, data)
    return [passes(world._replace(commit=after), restorations.restore_hinted)]


@declared(
    HANDLE,
    RUNNING,
    Argument("oid", choices.stored_oids),
    line=lambda world, handle, meta, oid: _restoring(world, handle, meta, oid, "None", "None"),
    sensible=lambda world, handle, meta, oid: (
        _can_be_restored(world, handle, meta, oid) and exists(world, oid)
    ),
    weight=0,
    needs="restoring",
)
def restore_end(world: World, handle: Name, meta: Name, oid: Oid) -> Outcomes:
    """Restore that an object ceased to exist."""
    after = restorations.restore_end(world, choices.own(world, meta), oid)
    return [passes(world._replace(commit=after), restorations.restore_end)]
