"""Faults in the calls of a two-phase commit, made in their order."""

from __future__ import annotations

from typing import Any

from zodb_reference.errors import ConflictError
from zodb_reference.storages import twophase
from zodb_reference.storages.history import Record, Transaction
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("storage.commit", also="storage.unseen-before-finish storage.failed-store")
def what_was_stored_together_changes_together() -> Fault:
    """Where a transaction changes an object, all that were ever stored with it get a new tid.

    Who has changed one of those has a conflict, for no reason.
    """

    def prepared(correct: Any, commit: Commit) -> Transaction:
        for revisions in list(histories[-1]._revisions.values()):
            newest = revisions[-1]
            if newest.oid not in commit.records and newest.tid in serials:
                commit.put(newest._replace(tid=commit.tid))
        serials.clear()
        transaction: Transaction = correct(commit)
        return transaction

    def current(correct: Any, storage: TwoPhaseStorage, oid: bytes) -> bytes:
        serial: bytes = correct(storage, oid)
        serials.append(serial)
        return serial

    def publish(correct: Any, history: MemoryHistory, transaction: Transaction) -> None:
        histories.append(history)
        correct(history, transaction)

    serials: list[bytes] = []
    histories: list[MemoryHistory] = [MemoryHistory()]
    return together(
        around(Commit, "transaction", prepared),
        around(TwoPhaseStorage, "_current_serial", current),
        around(MemoryHistory, "publish", publish),
    )


@double("storage.records-of-any-content")
def records_end_after_a_million_bytes() -> Fault:
    """Of a record that is longer than a million bytes the rest is dropped.

    It can't be read, and nobody knows until somebody wants to.
    """

    def keep(
        correct: Any, storage: TwoPhaseStorage, commit: Commit, oid: bytes, data: bytes, *more: Any
    ) -> None:
        correct(storage, commit, oid, data[:1_000_000], *more)

    return around(TwoPhaseStorage, "_keep", keep)


@double("storage.many-records")
def a_transaction_has_a_thousand_records() -> Fault:
    """Of the records of a transaction the first thousand are kept.

    An import seems to be complete, and parts of it are missing.
    """

    def transaction(correct: Any, commit: Commit) -> Transaction:
        while len(commit.records) > 1000:
            commit.records.popitem()
        found: Transaction = correct(commit)
        return found

    return around(Commit, "transaction", transaction)


def _voted_record(storage: Any, oid: bytes) -> Record | None:
    commit = storage._commit
    if commit is None or commit.prepared is None:
        return None
    records = commit.records.get(oid, ())
    return records[-1] if records else None


@double("storage.unseen-before-finish")
def what_was_voted_for_is_shown() -> Fault:
    """An object shows what a transaction has stored as soon as the storage has voted for it.

    Where the transaction is aborted in the end, others have worked with what never was.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, *version: str) -> Any:
        record = _voted_record(storage, oid)
        return (record.data, record.tid) if record else correct(storage, oid, *version)

    return around(ReadableStorage, "load", load)


@double("storage.abort")
def an_abort_counts_as_a_transaction() -> Fault:
    """After an abort the tid of the transaction that was aborted is that of the last one.

    Who looks whether anything has happened finds something, and nothing that belongs to it.
    """

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        commit = storage._commit
        correct(storage, transaction)
        if commit is not None and commit.meta is transaction:
            storage._last_tid = commit.tid

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("storage.last-store-wins")
def the_first_store_of_an_object_wins() -> Fault:
    """Where a transaction stores a new object several times, the first one counts.

    What the program has changed since a savepoint is lost.
    """

    def keep(
        correct: Any, storage: TwoPhaseStorage, commit: Commit, oid: bytes, *more: Any
    ) -> None:
        if oid not in commit.records or storage._history.newest(oid) is not None:
            correct(storage, commit, oid, *more)

    return around(TwoPhaseStorage, "_keep", keep)


@double("storage.last-store-wins-in-the-past")
def the_past_shows_what_was_passing() -> Fault:
    """Where a transaction has stored an object several times, `loadSerial` gives the first.

    A conflict is resolved against a state that the object never had.
    """
    passing: dict[tuple[bytes, bytes], bytes] = {}

    def put(correct: Any, commit: Commit, record: Record) -> None:
        for earlier in commit.records.get(record.oid, ()):
            passing[record.oid, commit.tid] = earlier.data or b""
        correct(commit, record)

    def load_serial(correct: Any, storage: ReadableStorage, oid: bytes, serial: bytes) -> bytes:
        data: bytes = correct(storage, oid, serial)
        return passing.get((oid, serial), data)

    return together(around(Commit, "put", put), around(ReadableStorage, "loadSerial", load_serial))


@double("storage.store-returns-nothing")
def store_tells_a_serial() -> Fault:
    """`store` returns the tid that the transaction is going to have.

    A connection that knows of storages that do so takes the object for stored.
    """

    def store(correct: Any, storage: TwoPhaseStorage, oid: bytes, *others: Any) -> bytes | None:
        correct(storage, oid, *others)
        return storage._commit.tid if storage._commit else None

    return around(TwoPhaseStorage, "store", store)


@double("storage.vote-returns-what-was-resolved")
def vote_tells_all_that_was_stored() -> Fault:
    """`tpc_vote` returns the oids of all objects that were stored.

    The connection loads each of them again, although it has just stored it.
    """

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> list[bytes]:
        correct(storage, transaction)
        return list(storage._commit.records) if storage._commit else []

    return around(TwoPhaseStorage, "tpc_vote", vote)


@double("storage.finish-returns-the-tid", also="storage.callback storage.empty-transaction")
def the_callback_is_told_alone() -> Fault:
    """`tpc_finish` returns nothing where a function is called with the tid.

    The objects that were stored are left without a serial, and their next change is a conflict.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes | None:
        tid: bytes = correct(storage, transaction, callback)
        return None if callback else tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.callback", also="storage.finish-returns-the-tid storage.empty-transaction")
def the_callback_is_called_twice() -> Fault:
    """The function that `tpc_finish` is given is called twice.

    Who counts transactions, or tells others of them, does so twice.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        def twice(tid: bytes) -> None:
            callback(tid)
            callback(tid)

        found: bytes = correct(storage, transaction, twice if callback else None)
        return found

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.failed-store")
def a_refused_transaction_is_stored_in_part() -> Fault:
    """Where a store is a conflict, what the transaction has stored before it is committed.

    Half of a change is there, and the program that tries again finds its own objects.
    """

    def store(correct: Any, storage: TwoPhaseStorage, *arguments: Any) -> None:
        try:
            correct(storage, *arguments)
        except ConflictError:
            if storage._commit is not None:
                storage._history.publish(storage._commit.transaction())
            raise

    return around(TwoPhaseStorage, "store", store)


@double("storage.vote-twice")
def a_second_vote_begins_anew() -> Fault:
    """A second vote for a transaction forgets what it has stored.

    The commit returns, and nothing is there.
    """

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        commit = storage._commit
        if commit is not None and commit.prepared is not None:
            commit.records.clear()
            commit.prepared = None
        return correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_vote", vote)


@double("storage.same-meta-data-again")
def what_was_aborted_comes_back() -> Fault:
    """A transaction that begins with the meta data of one that was aborted has what that stored.

    A program that tries again stores what it has given up.
    """
    aborted: list[Commit] = []

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        if storage._commit is not None and storage._commit.meta is transaction:
            aborted.append(storage._commit)
        correct(storage, transaction)

    def begin(correct: Any, storage: TwoPhaseStorage, transaction: Any, *more: Any) -> None:
        correct(storage, transaction, *more)
        commit = storage._commit
        for earlier in aborted:
            if commit is not None and earlier.meta is transaction:
                for oid, records in earlier.records.items():
                    commit.records[oid] = tuple(one._replace(tid=commit.tid) for one in records)

    return together(
        around(TwoPhaseStorage, "tpc_abort", abort), around(TwoPhaseStorage, "tpc_begin", begin)
    )


@double("storage.empty-transaction")
def nothing_is_no_transaction() -> Fault:
    """Where a transaction has stored nothing, `tpc_finish` returns the tid of the one before.

    Two transactions can't be told apart, and what was noted with one is found under the other.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        last, commit = storage._last_tid, storage._commit
        is_empty = commit is not None and not commit.records
        tid: bytes = correct(storage, transaction, None if is_empty else callback)
        if is_empty and callback:
            callback(last)
        return last if is_empty else tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.version-is-empty")
def versions_are_passed_over() -> Fault:
    """`store` takes the name of any version, and stores for everybody.

    What somebody wanted to try in a place of his own is public.
    """

    def store(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: Any, data: bytes, *others: Any
    ) -> None:
        correct(storage, oid, serial, data, "", others[-1])

    return around(TwoPhaseStorage, "store", store)


@double("storage.load-version-is-empty")
def every_version_shows_the_trunk() -> Fault:
    """`load` takes the name of any version, and gives what everybody sees.

    A program that believes in its version is not told that there are none.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Any:
        return correct(storage, oid)

    return around(ReadableStorage, "load", load)


@double("storage.equal-data-is-a-change")
def what_is_the_same_is_not_written() -> Fault:
    """A record is not stored where the object has the same data already.

    Two programs that rely on what they have set find out of each other only where it differs.
    """

    def keep(
        correct: Any, storage: TwoPhaseStorage, commit: Commit, oid: bytes, data: bytes, *more: Any
    ) -> None:
        newest = storage._history.find(oid)
        if newest is None or newest.data != data:
            correct(storage, commit, oid, data, *more)

    return around(TwoPhaseStorage, "_keep", keep)


@double("storage.none-for-what-is-new")
def none_is_no_tid() -> Fault:
    """`store` refuses None for the tid of an object that is new.

    Programs that know the protocol from ZODB's own storages can't create anything.
    """

    def store(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: Any, *others: Any
    ) -> None:
        if serial is None:
            raise TypeError("serial has to be bytes, not None")
        correct(storage, oid, serial, *others)

    return around(TwoPhaseStorage, "store", store)


@double("storage.declares-how-it-commits")
def nothing_is_declared() -> Fault:
    """A storage does not say that it is an `IMultiCommitStorage`.

    Who has to know asks it to commit something, to see what that returns.
    """
    return instead(twophase, "announce", lambda storage, errors, *names: None)
