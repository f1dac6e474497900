"""Faults in opening, closing and opening storages again, and in storages that can only be read."""

from __future__ import annotations

from typing import Any

from zodb_reference.oids import z64
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.history import Transaction, just_after
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.sqlite import SQLiteStorage
from zodb_reference.storages.sqlite_file import SQLiteFile
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage
from zodb_reference.storages.undoing import UndoableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

SQLITE = "reference-sqlite"


def _on_opening(faulty: Any) -> Fault:
    """The fault that something is done to the history whenever its file has been opened."""

    def begin(correct: Any, history: SQLiteHistory, file: SQLiteFile) -> None:
        correct(history, file)
        faulty(history)

    return around(SQLiteHistory, "__init__", begin)


@double("storage.durable", on=SQLITE)
def the_tenth_transaction_is_lost() -> Fault:
    """Where a storage has more than ten transactions, the last one is not found when it is opened.

    What a program was told to be stored is gone on the next day.
    """

    def lose(history: SQLiteHistory) -> None:
        tids = [tid for (tid,) in history._file.rows("SELECT tid FROM transactions ORDER BY tid")]
        if len(tids) > 10:
            history._last_tid = tids[-2]

    return _on_opening(lose)


@double("storage.durable-empty", on=SQLITE)
def an_empty_file_is_a_damaged_one() -> Fault:
    """A file in which nothing was ever stored is taken for one that has lost something.

    Who makes a database and fills it later can't open it.
    """

    def complain(history: SQLiteHistory) -> None:
        mark = history._file.path.with_suffix(".mark")
        if history.last_tid() == z64 and mark.exists():
            raise history._file.complain("there is nothing in it")
        mark.touch()

    return _on_opening(complain)


@double("storage.durable-history", on=SQLITE)
def opening_packs() -> Fault:
    """When a storage is opened, revisions that are not current are removed.

    What could be undone in the evening can't be undone in the morning.
    """

    def pack(history: SQLiteHistory) -> None:
        if not history._file._read_only:
            with history._file.change() as connection:
                connection.execute(
                    "DELETE FROM revisions WHERE tid < (SELECT max(tid) FROM revisions other "
                    "WHERE other.oid = revisions.oid AND other.tid <= ?)",
                    (history.last_tid(),),
                )

    return _on_opening(pack)


@double("storage.last-store-lasts", on=SQLITE)
def the_file_has_what_was_passing() -> Fault:
    """Where a transaction has stored an object several times, the first is what gets into the file.

    As long as the storage is open, it shows the last one.
    """
    lasting: dict[tuple[bytes, bytes], bytes | None] = {}

    def put(correct: Any, commit: Commit, record: Any) -> None:
        earlier = commit.records.get(record.oid)
        if earlier:
            lasting[record.oid, commit.tid] = record.data
        else:
            correct(commit, record)

    def find(correct: Any, history: SQLiteHistory, *arguments: Any, **options: Any) -> Any:
        record = correct(history, *arguments, **options)
        if record is None:
            return None
        return record._replace(data=lasting.get((record.oid, record.tid), record.data))

    return together(around(Commit, "put", put), around(SQLiteHistory, "find", find))


@double(
    "storage.closed-in-a-transaction",
    on=SQLITE,
    also="storage.last-transaction-after-reopening",
)
def closing_finishes() -> Fault:
    """Where a storage is closed while a transaction is being committed, it finishes that.

    The other databases of the transaction do not have their part.
    """

    def close(correct: Any, storage: TwoPhaseStorage) -> None:
        if not storage._closed_because and storage._commit and storage._commit.prepared:
            storage._history.publish(storage._commit.prepared)
        correct(storage)

    return around(TwoPhaseStorage, "close", close)


@double("storage.last-transaction-after-reopening", on=SQLITE)
def the_end_of_the_file_is_told_as_the_last() -> Fault:
    """When a storage is opened again, it tells of a transaction that it had only voted for.

    Who waits until the storage has reached what he was told waits for ever, or never.
    """
    told: list[bytes] = []

    def begin(correct: Any, history: SQLiteHistory, file: SQLiteFile) -> None:
        correct(history, file)
        found = file.rows("SELECT max(tid) FROM transactions")[0][0]
        told[:] = [found] if found and found > history.last_tid() else []

    def last(correct: Any, storage: ReadableStorage) -> bytes:
        tid: bytes = correct(storage)
        return max([tid, *told])

    return together(
        around(SQLiteHistory, "__init__", begin), around(ReadableStorage, "lastTransaction", last)
    )


@double("storage.aborted-does-not-last", on=SQLITE)
def closing_finishes_what_was_aborted() -> Fault:
    """A transaction that was aborted after the vote, as the last one, is there after reopening.

    What a program has given up comes back on the next day.
    """
    aborted: list[Transaction] = []

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        if storage._commit is not None and storage._commit.prepared is not None:
            aborted[:] = [storage._commit.prepared]
        correct(storage, transaction)

    def close(correct: Any, storage: TwoPhaseStorage) -> None:
        if not storage._closed_because and aborted and aborted[0].tid > storage._last_tid:
            storage._history.publish(aborted[0])
        correct(storage)

    return together(
        around(TwoPhaseStorage, "tpc_abort", abort), around(TwoPhaseStorage, "close", close)
    )


@double("storage.use-after-close-spares", on=SQLITE)
def an_abort_after_closing_empties_the_file() -> Fault:
    """An abort after the storage was closed cuts the file off where it began.

    A thread that is a little late when a server is shut down costs the database.
    """

    def begin(correct: Any, storage: Any, *arguments: Any, **options: Any) -> None:
        correct(storage, *arguments, **options)
        correct_abort = storage.tpc_abort

        def abort(transaction: object) -> None:
            correct_abort(transaction)
            if storage._closed_because:
                storage._file.path.write_bytes(b"")

        storage.tpc_abort = abort  # of this one, which outlives the fault when it is closed

    return around(SQLiteStorage, "__init__", begin)


@double("storage.writable")
def who_commits_makes_it_read_only() -> Fault:
    """While a transaction is being committed, a storage says that it can only be read.

    Connections that are opened in this moment refuse all changes.
    """

    def is_read_only(correct: Any, storage: Any) -> bool:
        return bool(correct(storage)) or storage._commit is not None

    return around(ReadableStorage, "isReadOnly", is_read_only)


@double("storage.read-only", on=SQLITE)
def nobody_says_that_it_is_read_only() -> Fault:
    """A storage that was opened to be read only says that it takes changes.

    Programs offer to change what can't be changed.
    """
    return instead(ReadableStorage, "isReadOnly", lambda storage: False)


@double("storage.read-only-refuses", on=SQLITE)
def oids_are_given_to_readers() -> Fault:
    """A storage that was opened to be read only gives new oids.

    Two readers are given the same.
    """

    def new_oid(correct: Any, storage: TwoPhaseStorage) -> bytes:
        if storage._read_only:
            return storage._last_oid
        oid: bytes = correct(storage)
        return oid

    return around(TwoPhaseStorage, "new_oid", new_oid)


@double("storage.read-only-refuses-what-follows", on=SQLITE)
def readers_may_vote() -> Fault:
    """A storage that was opened to be read only votes for whatever it is asked.

    A program that goes wrong learns of it too late.
    """

    def vote(correct: Any, storage: BlobStorage, transaction: object) -> Any:
        return [] if storage._read_only else correct(storage, transaction)

    return around(BlobStorage, "tpc_vote", vote)


@double("storage.read-only-refuses-undo", on=SQLITE)
def readers_may_undo() -> Fault:
    """A storage that was opened to be read only lets `undo` return, and does nothing.

    The user is told that his mistake is undone.
    """

    def undo(correct: Any, storage: UndoableStorage, *arguments: Any) -> Any:
        return (z64, []) if storage._read_only else correct(storage, *arguments)

    return around(UndoableStorage, "undo", undo)


@double("storage.read-only-refuses-restore", on=SQLITE)
def readers_may_restore() -> Fault:
    """A storage that was opened to be read only lets `restore` return, and does nothing.

    A copy seems to be complete, and there is nothing of it.
    """

    def restore(correct: Any, storage: RestorableStorage, *arguments: Any) -> None:
        if not storage._read_only:
            correct(storage, *arguments)

    return around(RestorableStorage, "restore", restore)


@double("storage.read-only-refuses-pack", on=SQLITE)
def readers_may_pack() -> Fault:
    """A storage that was opened to be read only lets `pack` return, and does nothing.

    Who looks after the database believes that it was made smaller.
    """

    def pack(correct: Any, storage: PackableStorage, *arguments: Any, **options: Any) -> None:
        if not storage._read_only:
            correct(storage, *arguments, **options)

    return around(PackableStorage, "pack", pack)


@double("storage.read-only-changes-nothing", on=SQLITE)
def a_reader_leaves_a_mark() -> Fault:
    """After a storage was open to be read only, its last transaction is not found any more.

    A backup program that only reads costs what was stored last.
    """

    def close(correct: Any, storage: SQLiteStorage) -> None:
        mark = storage._file.path.with_suffix(".mark")
        if storage._read_only and not storage._closed_because:
            mark.touch()
        correct(storage)

    def lose(history: SQLiteHistory) -> None:
        if history._file.path.with_suffix(".mark").exists():
            history._last_tid = z64

    return together(around(SQLiteStorage, "close", close), _on_opening(lose))


@double("storage.tells-what-it-commits")
def nothing_is_told_after_the_vote() -> Fault:
    """After the vote `tpc_transaction` gives None.

    A server takes the storage for idle, and lets the next client begin.
    """

    def transaction(correct: Any, storage: TwoPhaseStorage) -> Any:
        commit = storage._commit
        return None if commit is not None and commit.prepared else correct(storage)

    return around(TwoPhaseStorage, "tpc_transaction", transaction)


@double("storage.recent-invalidations", also="storage.recent-invalidations-of-undos")
def recent_transactions_wrote_one_object_each() -> Fault:
    """Of what the last transactions have written, one object each is told of.

    A client that was away for a while goes on to show what has been replaced.
    """

    def last(correct: Any, storage: Any, size: int) -> Any:
        found = correct(storage, size)
        return [(tid, [min(oids)]) for tid, oids in found]

    return around(ReadableStorage, "lastInvalidations", last)


@double("storage.recent-invalidations-of-undos")
def recent_transactions_undid_nothing() -> Fault:
    """Of what the last transactions have written, what they have undone is left out.

    A client that was away for a while goes on to show what somebody was glad to be rid of.
    """

    def is_stored(storage: Any, oid: bytes, tid: bytes) -> bool:
        record = storage._history.find(oid, just_after(tid))
        return bool(record and record.data and record.data_txn is None)

    def last(correct: Any, storage: Any, size: int) -> Any:
        found = correct(storage, size)
        return [(tid, [oid for oid in oids if is_stored(storage, oid, tid)]) for tid, oids in found]

    return around(ReadableStorage, "lastInvalidations", last)
