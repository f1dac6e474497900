"""Faults in what is left of a storage after a crash."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from zodb_reference.errors import StorageError
from zodb_reference.oids import z64
from zodb_reference.storages import sqlite, sqlite_file, sqlite_format
from zodb_reference.storages.blobfolder import BlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.filelock import FileIsLockedError, FileLock
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.sqlite import SQLiteStorage
from zodb_reference.storages.sqlite_file import SQLiteFile
from zodb_reference.storages.sqlite_format import digest
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

ON = "reference-sqlite"

POWER = (
    "storage.survives-power-loss storage.pack-survives-power-loss storage.new-survives-power-loss "
    "storage.survives-some-writes storage.syncs-the-folder"
)
"""What is broken by whatever a kill breaks already."""


def write_head(file: SQLiteFile, tid: bytes, oid: bytes) -> None:
    """Write which transaction is the last one that counts, and the greatest oid up to then."""
    with file.change() as connection:
        connection.execute(
            "UPDATE head SET tid = ?, oid = ?, digest = ?", (tid, oid, digest(tid, oid))
        )


@double("storage.reopens-after-kill", also=f"storage.making-can-be-interrupted {POWER}", on=ON)
def a_lock_outlives_its_process() -> Fault:
    """A storage is locked by a file that whoever has it open makes, and removes in the end.

    After a crash nobody can open the storage until somebody has found out which file to remove.
    """

    def lock(correct: Any, held: FileLock, path: Path, **options: Any) -> None:
        if path.exists():
            raise FileIsLockedError
        correct(held, path, **options)

    return around(FileLock, "__init__", lock)


@double("storage.making-can-be-interrupted", on=ON)
def a_new_storage_is_made_in_its_place() -> Fault:
    """A new storage is made in the file that bears its name, bit by bit.

    Where that is interrupted, the file is no storage, and stands in the way of the next one.
    """

    def make(path: Path, _errors: Any) -> None:
        with closing(sqlite_file._open_connection(path, "mode=rwc")) as connection:
            sqlite_format.make_tables(connection)

    return instead(sqlite_file, "_make", make)


@double("storage.vote-is-not-commit", also=POWER, on=ON)
def a_vote_is_taken_for_a_commit() -> Fault:
    """The vote writes that the transaction counts, to be undone in the file where it is given up.

    After a crash in between, everybody sees what the program has never finished.
    """

    def prepare(correct: Any, history: SQLiteHistory, transaction: Any) -> None:
        correct(history, transaction)
        oids = [history.last_oid(), *(record.oid for record in transaction.records)]
        write_head(history._file, transaction.tid, max(oids))

    def abort(correct: Any, storage: SQLiteStorage, transaction: object) -> None:
        correct(storage, transaction)
        history: Any = storage._history
        write_head(history._file, history.last_tid(), history.last_oid())

    return together(
        around(SQLiteHistory, "prepare", prepare), around(TwoPhaseStorage, "tpc_abort", abort)
    )


@double("storage.survives-kill", also=f"storage.pack-survives-kill {POWER}", on=ON)
def a_commit_is_written_with_the_next_one() -> Fault:
    """`tpc_finish` shows what was committed, and leaves it to the next transaction, or to `close`,
    to write that it counts.

    A crash takes the last transaction back, of which the program has told others.
    """

    def publish(_correct: Any, history: SQLiteHistory, transaction: Any) -> None:
        oids = [history.last_oid(), *(record.oid for record in transaction.records)]
        history._last_tid, history._last_oid = transaction.tid, max(oids)

    def write(correct: Any, history: SQLiteHistory, *args: Any) -> None:
        write_head(history._file, history.last_tid(), history.last_oid())
        correct(history, *args)

    return together(
        around(SQLiteHistory, "publish", publish),
        around(SQLiteHistory, "prepare", write),
        around(SQLiteHistory, "close", write),
    )


@double("storage.pack-survives-kill", also=POWER, on=ON)
def a_pack_marks_the_file_as_empty() -> Fault:
    """While a pack is at work, the file says that no transaction counts, so that nobody takes it
    for a whole one.

    A crash during a pack loses everything.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        history = storage._history
        head = history._file.head()
        write_head(history._file, z64, head[1])
        try:
            correct(storage, *args, **options)
        finally:
            write_head(history._file, *head)

    return around(PackableStorage, "pack", pack)


@double("storage.whole-or-absent", also=POWER, on=ON)
def the_rest_of_a_commit_follows() -> Fault:
    """A transaction counts as soon as its first record is there (or its blobs), and the others are
    written when everybody has been told.

    A crash in between leaves a part: an order without its items.
    """

    def prepare(correct: Any, history: SQLiteHistory, transaction: Any) -> None:
        first = [each for each in transaction.records if each.blob] or transaction.records[:1]
        correct(history, replace(transaction, records=tuple(first)))
        vars(history)["rest"] = [each for each in transaction.records if each not in first]

    def end(correct: Any, storage: Any) -> None:
        history = storage._history
        rows = [
            (record.oid, record.tid, record.data, digest(record.oid, record.tid, record.data))
            for record in vars(history).pop("rest", [])
            if record.tid == history.last_tid()
        ]
        with history._file.change() as connection:
            connection.executemany(
                "INSERT INTO revisions (oid, tid, data, digest) VALUES (?, ?, ?, ?)", rows
            )
        correct(storage)

    return together(
        around(SQLiteHistory, "prepare", prepare), around(TwoPhaseStorage, "_end_commit", end)
    )


@double("storage.blob-survives-kill", also="storage.blob-survives-power-loss", on=ON)
def the_file_of_a_blob_follows() -> Fault:
    """The file of a blob is put in its place when its transaction has finished.

    After a crash in between there is a record, and nothing that it stands for.
    """

    def take(_correct: Any, folder: BlobFolder, file: str, name: str) -> None:
        vars(folder).setdefault("waiting", []).append((file, name))

    really_take = BlobFolder.take

    def end(correct: Any, storage: Any) -> None:
        for file, name in vars(storage._folder).pop("waiting", []):
            really_take(storage._folder, file, name)
        correct(storage)

    return together(
        around(BlobFolder, "take", take),
        instead(BlobFolder, "secure", lambda folder, names: None),
        around(BlobStorage, "_end_commit", end),
    )


@double("storage.blob-survives-power-loss", on=ON)
def what_a_blob_holds_is_not_synced() -> Fault:
    """Records are on the disk when `tpc_finish` returns, and what blobs hold is left to the
    operating system.

    When the power fails, pictures and documents are empty that somebody has been told are safe.
    """
    return instead(BlobFolder, "secure", lambda folder, names: None)


@double("storage.goes-on-after-kill", on=ON)
def oids_are_counted_in_memory() -> Fault:
    """Which oids are taken is written when a storage is closed.

    After a crash new objects get the oids of old ones, and take their places.
    """

    def publish(correct: Any, history: SQLiteHistory, transaction: Any) -> None:
        before = vars(history).setdefault("written", history.last_oid())
        correct(history, transaction)
        write_head(history._file, transaction.tid, before)

    def close(correct: Any, history: SQLiteHistory) -> None:
        write_head(history._file, history.last_tid(), history.last_oid())
        correct(history)

    return together(
        around(SQLiteHistory, "publish", publish), around(SQLiteHistory, "close", close)
    )


@double(
    "storage.survives-power-loss",
    also="storage.pack-survives-power-loss storage.survives-some-writes storage.syncs-the-folder "
    "storage.new-survives-power-loss",
    on=ON,
)
def a_commit_does_not_wait_for_the_disk() -> Fault:
    """`tpc_finish` returns when the operating system has what was committed.

    When the power fails within half a minute, it is gone.
    """
    return instead(sqlite_file, "SYNCHRONOUS", "OFF")


@double(
    "storage.new-survives-power-loss",
    also="storage.making-can-be-interrupted storage.syncs-the-folder",
    on=ON,
)
def a_mark_beside_a_new_storage_is_not_synced() -> Fault:
    """A new storage has a mark beside it that says how it is laid out, which is left to the
    operating system, and without which it is not opened.

    When the power fails in the first half minute, all is there, and nobody gets at it.
    """

    def open_file(correct: Any, path: Path, **options: Any) -> SQLiteFile:
        mark = sqlite_file.beside(path, "-layout")
        if not path.exists():
            mark.write_text("one file")
        elif mark.read_text() != "one file":
            raise StorageError(f"{mark} names no layout that is known")
        file: SQLiteFile = correct(path, **options)
        return file

    return around(sqlite, "open_file", open_file)


@double(
    "storage.pack-survives-power-loss",
    also="storage.survives-some-writes storage.syncs-the-folder storage.new-survives-power-loss",
    on=ON,
)
def a_packed_copy_is_not_synced() -> Fault:
    """A pack puts a packed copy in the place of the file, without having it on the disk before.

    When the power fails soon after, the name leads to an empty file.
    """

    def pack(correct: Any, storage: Any, *args: Any, **options: Any) -> None:
        correct(storage, *args, **options)
        file = storage._history._file
        file.connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        file.connection.close()
        copy = sqlite_file.beside(file.path, "-packed")
        shutil.copyfile(file.path, copy)
        copy.replace(file.path)
        file.connection = sqlite_file._connect(file.path, storage._errors, versions=False)
        sqlite_format.pretend(file.connection)

    return around(PackableStorage, "pack", pack)


@double(
    "storage.survives-some-writes",
    also="storage.reopens-after-kill storage.whole-or-absent storage.pack-survives-kill "
    "storage.survives-kill storage.goes-on-after-kill storage.syncs-the-folder "
    "storage.new-survives-power-loss",
    on=ON,
)
def the_file_is_written_over_without_a_log() -> Fault:
    """What is committed is written into the file page by page, with one sync in the end.

    When the power fails before that, the disk has some of the pages, and the file is none of what
    it was before and after.
    """

    def connect(correct: Any, *args: Any, **options: Any) -> Any:
        connection = correct(*args, **options)
        connection.execute("PRAGMA journal_mode = MEMORY").fetchall()
        return connection

    return together(
        around(sqlite_file, "_connect", connect),
        instead(SQLiteFile, "reserve", lambda file: None),
        instead(SQLiteFile, "shorten_log", lambda file: None),
    )


@double("storage.syncs-the-folder", on=ON)
def a_new_folder_is_not_synced() -> Fault:
    """A storage lies in a folder of its own, which it makes, and it does not sync the folder in
    which it made it.

    When the power fails, a disk that keeps to what POSIX promises has no such folder.
    """

    def open_file(correct: Any, path: Path, **options: Any) -> SQLiteFile:
        folder = path.parent / "files"
        folder.mkdir(exist_ok=True)
        file: SQLiteFile = correct(folder / path.name, **options)
        return file

    def secure(folder: BlobFolder, names: Any) -> None:
        for name in names:
            with folder.path_of(name).open("rb") as file:
                os.fsync(file.fileno())

    return together(around(sqlite, "open_file", open_file), instead(BlobFolder, "secure", secure))
