"""Faults in what a pack forgets, and in what it keeps."""

from __future__ import annotations

import sqlite3
import time
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any

from zodb_reference.errors import POSKeyError, StorageError, UndoError
from zodb_reference.oids import maxtid, z64
from zodb_reference.storages import packing, sqlite
from zodb_reference.storages.history import Revision, just_after
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together


@double(
    "storage.pack-forgets-replaced",
    also="storage.pack-keeps-later storage.pack-shortens-history storage.pack-is-iterated"
    " storage.pack-ends-resolution",
)
def the_first_revision_is_enough() -> Fault:
    """A pack forgets one revision of every object, the oldest.

    The file grows, however often it is packed.
    """

    def superseded(correct: Any, revisions: Any, upto: bytes) -> list[Revision]:
        gone: list[Revision] = correct(revisions, upto)
        return gone[:1]

    return around(packing, "superseded", superseded)


@double("storage.pack-keeps-later", also="storage.pack-shortens-history storage.pack-is-iterated")
def whatever_was_replaced_goes() -> Fault:
    """A pack for a time forgets what was replaced after it as well.

    Who packs what is older than a week can't undo what was done yesterday.
    """
    return around(
        packing, "superseded", lambda correct, revisions, upto: correct(revisions, maxtid)
    )


@double("storage.pack-keeps-current", also="storage.pack-ends-resolution")
def a_pack_is_a_change() -> Fault:
    """What was packed gets a new tid.

    Whoever has an object in memory can't store it any more.
    """

    def load(correct: Any, storage: Any, oid: bytes, version: str = "") -> Any:
        data, tid = correct(storage, oid, version)
        packed = storage._history.packed()
        return data, just_after(packed)[1:] if tid <= packed else tid

    return around(ReadableStorage, "load", load)


def _what_is_left(storage: Any) -> bytes:
    """The tid of the last transaction of which something is left."""
    notes = storage._history.notes(z64, maxtid, newest=True)
    return notes.tid if notes else z64


@double("storage.pack-keeps-last-transaction")
def what_is_gone_never_happened() -> Fault:
    """After a pack the last transaction is the last one of which something is left.

    A client that has heard of a later one takes the storage for another one.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        storage._last_tid = _what_is_left(storage)

    return around(PackableStorage, "pack", pack)


@double("storage.pack-keeps-last-transaction-for-good", on="reference-sqlite")
def what_is_gone_is_forgotten_when_it_is_opened() -> Fault:
    """When a storage is opened, it takes the last transaction in it for the last that there was.

    Clients that have heard of a later one, which a pack has removed, refuse to work with it.
    """

    def last(correct: Any, history: SQLiteHistory) -> bytes:
        found = history.notes(z64, maxtid, newest=True)
        return found.tid if found else z64

    return around(SQLiteHistory, "last_tid", last)


@double("storage.pack-lasts", on="reference-sqlite")
def the_old_file_is_opened() -> Fault:
    """A pack keeps a copy of what was there, and that is what is opened the next time.

    What was committed in between is lost.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        copy = Path(f"{storage._file.path}.old")
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(copy)) as connection:
            storage._file.connection.backup(connection)
        correct(storage, *args, **options)

    def open_file(correct: Any, path: Path, **options: Any) -> Any:
        copy = Path(f"{path}.old")
        if copy.exists():
            copy.replace(path)
        return correct(path, **options)

    return together(around(PackableStorage, "pack", pack), around(sqlite, "open_file", open_file))


@double("storage.pack-of-nothing")
def nothing_can_not_be_packed() -> Fault:
    """To pack a storage in which there is nothing yet fails.

    Who packs all his databases at night has to know which of them are empty.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        if storage.lastTransaction() == z64:
            raise StorageError("there is nothing to pack")
        correct(storage, *args, **options)

    return around(PackableStorage, "pack", pack)


@double("storage.pack-before-everything")
def no_time_is_now() -> Fault:
    """A pack for a time at which nothing was there yet is one for now.

    Who packs a new database for a week ago has no history from the first day on.
    """

    def pack(correct: Any, storage: Any, t: float, *args: Any, **options: Any) -> None:
        is_before = storage._history.notes(z64, packing._tid_at(t)) is None
        correct(storage, t + 1000 if is_before else t, *args, **options)

    return around(PackableStorage, "pack", pack)


@double("storage.pack-into-the-future")
def the_future_is_refused() -> Fault:
    """To pack for a time that is still to come fails.

    Where the clock of the server is a little late, nobody can pack for now.
    """

    def tid_at(correct: Any, t: float) -> bytes:
        if t > time.time() + 60:
            raise ValueError(f"{t} has not come yet")
        tid: bytes = correct(t)
        return tid

    return around(packing, "_tid_at", tid_at)


@double("storage.pack-again")
def there_has_to_be_something_to_forget() -> Fault:
    """A pack that finds nothing to forget fails.

    Who packs all his databases at night is woken up for those that nobody has changed.
    """

    def doomed(correct: Any, *args: Any) -> Any:
        found = correct(*args)
        if not found:
            raise StorageError("there is nothing to forget")
        return found

    return around(PackableStorage, "_doomed", doomed)


@double("storage.pack-into-the-past")
def the_past_is_taken_from_what_is_left() -> Fault:
    """A pack for a time before the last pack goes by what that has left.

    It takes for garbage what only revisions have referred to that are not there any more.
    """

    def pack(correct: Any, storage: Any, t: float, references: Any, gc: bool = True) -> None:
        history, upto = storage._history, packing._tid_at(t)
        if upto >= history.packed():
            correct(storage, t, references, gc)
            return
        reached: set[bytes] = set()
        todo = [z64]
        while todo:
            oid = todo.pop()
            record = None if oid in reached else history.find(oid, just_after(upto))
            reached.add(oid)
            todo += references(record.data) if record and record.data else []
        lost = [oid for oid in history._oids if oid not in reached]
        history.forget(
            upto, {oid: [one for one in history.revisions(oid) if one.tid <= upto] for oid in lost}
        )

    return around(PackableStorage, "pack", pack)


@double("storage.pack-leaves-no-older-state")
def what_was_packed_never_was() -> Fault:
    """Who asks for a state that was packed away is told that there is no such object.

    A program that would have tried again gives up.
    """

    def load_before(correct: Any, storage: Any, oid: bytes, tid: bytes) -> Any:
        found = correct(storage, oid, tid)
        if found is None and storage._history.packed() > z64:
            raise POSKeyError(oid)
        return found

    return around(ReadableStorage, "loadBefore", load_before)


@double("storage.pack-shortens-history")
def history_is_remembered() -> Fault:
    """The history of an object lists the revisions that a pack has removed.

    Who wants to see one of them finds nothing.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        known = vars(storage).setdefault("known", {})
        for oid in storage._history._oids:
            known[oid] = storage.history(oid, size=1000)
        correct(storage, *args, **options)

    def history(correct: Any, storage: Any, oid: bytes, *args: Any, **options: Any) -> Any:
        found = correct(storage, oid, *args, **options)
        last = found[-1]["tid"]
        gone = [each for each in vars(storage).get("known", {}).get(oid, ()) if each["tid"] < last]
        return found + gone

    return together(
        around(PackableStorage, "pack", pack), around(ReadableStorage, "history", history)
    )


@double("storage.pack-is-iterated")
def whole_transactions_are_listed() -> Fault:
    """Who goes through the transactions finds all records of a packed one of which one is left.

    A copy of the storage has what the storage has not.
    """

    def forget(correct: Any, history: MemoryHistory, *args: Any) -> None:
        before = history._transactions
        correct(history, *args)
        history._transactions = before

    return around(MemoryHistory, "forget", forget)


@double("storage.pack-fails-as-a-whole")
def what_was_not_reached_is_lost() -> Fault:
    """A pack that fails has removed by then what it had not come to.

    One damaged record costs all that is behind it.
    """

    def begin(correct: Any, storage: Any, upto: bytes, references: Any) -> None:
        try:
            correct(storage, upto, references)
        except Exception:
            history = storage._history
            lost = [oid for oid in history._oids if oid != z64]
            history.forget(upto, {oid: history.revisions(oid) for oid in lost})
            raise

    return around(PackableStorage, "_pack", begin)


@double("storage.pack-shortens-undo-log")
def what_was_packed_stays_in_the_log() -> Fault:
    """The log lists transactions that were packed.

    Who chooses one of them is refused.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        vars(storage)["listed"] = storage.undoLog(0, 1000)
        correct(storage, *args, **options)

    def log(correct: Any, storage: Any, first: int = 0, last: int = -20, *args: Any) -> Any:
        found = correct(storage, 0, 1000, *args)
        ids = [each["id"] for each in found]
        found += [each for each in vars(storage).get("listed", ()) if each["id"] not in ids]
        return found[first : last if last >= 0 else first - last]

    return together(around(PackableStorage, "pack", pack), around(UndoableStorage, "undoLog", log))


@double("storage.pack-ends-undo")
def what_was_packed_is_undone_with_success() -> Fault:
    """To undo what was packed succeeds, and does nothing.

    The program believes that it was undone.
    """

    def undo(correct: Any, storage: Any, transaction_id: bytes, transaction: Any) -> Any:
        try:
            return correct(storage, transaction_id, transaction)
        except UndoError:
            if b64decode(transaction_id) > storage._history.packed():
                raise
            return storage._commit.tid, []

    return around(UndoableStorage, "undo", undo)


@double("storage.pack-ends-resolution")
def what_is_gone_was_like_what_is_there() -> Fault:
    """Where the state that two changes were made from was packed away, they are merged as if the
    second had been made from the first.

    What the first has changed is taken back.
    """

    def resolve(correct: Any, *args: Any) -> Any:
        *before, old, committed, new = args
        return correct(*before, committed if old is None else old, committed, new)

    return around(TwoPhaseStorage, "_resolve", resolve)
