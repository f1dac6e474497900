"""Faults in what a storage gives to who reads from it."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from zodb_reference.errors import POSKeyError, StorageError
from zodb_reference.oids import maxtid, p64, u64
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

Revision = tuple[bytes, bytes]
Past = tuple[bytes, bytes, bytes | None] | None


@double("storage.loads-current", also="storage.store-needs-the-current-serial")
def loads_with_the_last_tid() -> Fault:
    """What is loaded has the tid of the last transaction, whoever has stored it.

    Every change of it is a conflict.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Revision:
        return correct(storage, oid, version)[0], storage.lastTransaction()

    return around(ReadableStorage, "load", load)


@double("storage.records-of-any-content")
def lines_end_as_elsewhere() -> Fault:
    """Records are kept as text: of two characters that end a line, one is left.

    Pictures are damaged, and texts have other lengths.
    """

    def keep(correct: Any, storage: Any, commit: Any, oid: bytes, data: bytes, *more: Any) -> None:
        correct(storage, commit, oid, data.replace(b"\r\0", b"\0"), *more)

    return around(TwoPhaseStorage, "_keep", keep)


@double(
    "storage.loads-no-unknown-object",
    also="storage.abort storage.malformed-ids-lead-nowhere "
    "storage.store-of-what-is-gone storage.unseen-before-finish",
)
def the_unknown_is_empty() -> Fault:
    """An object that was never stored is loaded as an empty record.

    A broken link shows up as a record that can't be unpickled.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Revision:
        try:
            found: Revision = correct(storage, oid, version)
        except POSKeyError:
            return b"", bytes(8)
        return found

    return around(ReadableStorage, "load", load)


@double(
    "storage.load-before-gives-the-current",
    also="storage.snapshots-are-whole storage.load-before-gives-the-past",
)
def just_behind_is_before() -> Fault:
    """A revision is not shown to who asks for what was there just behind it.

    A connection that has just learned of a transaction shows objects as they were before it.
    """

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Past:
        before = tid if tid == maxtid or not any(tid) else p64(u64(tid) - 1)
        found: Past = correct(storage, oid, before)
        return found

    return around(ReadableStorage, "loadBefore", load_before)


@double("storage.load-before-gives-the-past")
def the_past_ends_now() -> Fault:
    """An old revision is said to have been current up to the newest one.

    A cache that goes by it shows the old one to snapshots of what came in between.
    """

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Past:
        found: Past = correct(storage, oid, tid)
        return found if found is None or found[2] is None else (*found[:2], storage.getTid(oid))

    return around(ReadableStorage, "loadBefore", load_before)


@double("storage.load-before-the-beginning")
def nothing_is_too_early() -> Fault:
    """For a time before its first revision, an object is as it became by that.

    A snapshot shows objects that were not there.
    """

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Past:
        found: Past = correct(storage, oid, tid)
        if found is None:
            first = storage.history(oid, size=1000)[-1]["tid"]
            found = correct(storage, oid, p64(u64(first) + 1))
        return found

    return around(ReadableStorage, "loadBefore", load_before)


@double("storage.load-before-knows-no-unknown", also="storage.unseen-before-finish")
def the_unknown_is_young() -> Fault:
    """An object that was never stored is said to be younger than the snapshot.

    Who loads it is told of a conflict, and tries again for ever.
    """

    def load_before(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Past:
        try:
            found: Past = correct(storage, oid, tid)
        except POSKeyError:
            return None
        return found

    return around(ReadableStorage, "loadBefore", load_before)


@double("storage.load-serial-gives-one-revision")
def old_revisions_are_those_of_now() -> Fault:
    """`loadSerial` gives the current data for every revision that the object ever had.

    To resolve a conflict, its class is given the new state for the old one.
    """

    def load_serial(correct: Any, storage: ReadableStorage, oid: bytes, serial: bytes) -> bytes:
        correct(storage, oid, serial)
        return storage.load(oid)[0]

    return around(ReadableStorage, "loadSerial", load_serial)


@double("storage.load-serial-gives-no-other", also="storage.malformed-ids-lead-nowhere")
def the_next_best_revision_will_do() -> Fault:
    """`loadSerial` gives the revision before, where the transaction has not written the object.

    A program that looks for what a transaction has done finds what others did.
    """

    def load_serial(correct: Any, storage: ReadableStorage, oid: bytes, serial: bytes) -> bytes:
        found = storage.loadBefore(oid, serial[:-1] + b"\xff")
        return found[0] if found else correct(storage, oid, serial)

    return around(ReadableStorage, "loadSerial", load_serial)


@double("storage.get-tid")
def get_tid_tells_the_last_transaction() -> Fault:
    """`getTid` gives the tid of the last transaction, whatever it has stored.

    A server tells its clients that all they have is out of date.
    """

    def get_tid(correct: Any, storage: ReadableStorage, oid: bytes) -> bytes:
        correct(storage, oid)
        return storage.lastTransaction()

    return around(ReadableStorage, "getTid", get_tid)


@double("storage.last-transaction-was-finished", also="storage.unseen-before-finish")
def a_vote_is_the_last_transaction() -> Fault:
    """A transaction that has voted is told as the last one.

    Who reads up to it misses it, and believes to have it.
    """

    def last(correct: Any, storage: TwoPhaseStorage) -> bytes:
        commit = storage._commit
        if commit is not None and commit.prepared is not None:
            return commit.tid
        tid: bytes = correct(storage)
        return tid

    return around(TwoPhaseStorage, "lastTransaction", last)


@double(
    "storage.last-transaction",
    also="storage.snapshots-are-whole storage.tids-never-go-back storage.unseen-before-finish",
)
def the_last_transaction_is_the_one_before() -> Fault:
    """`lastTransaction` is one transaction behind.

    A connection shows the state from before the commit that it has just made.
    """
    told: dict[int, bytes] = {}

    def finish(correct: Any, storage: TwoPhaseStorage, *args: Any) -> bytes:
        told[id(storage)] = storage._last_tid
        tid: bytes = correct(storage, *args)
        return tid

    def last(correct: Any, storage: TwoPhaseStorage) -> bytes:
        tid: bytes = correct(storage)
        return told.get(id(storage), tid)

    return together(
        around(TwoPhaseStorage, "tpc_finish", finish),
        around(TwoPhaseStorage, "lastTransaction", last),
    )


@double("storage.unseen-before-finish", also="storage.read-beside-a-commit")
def what_is_stored_is_loaded() -> Fault:
    """What a transaction has stored can be loaded before it is finished.

    Others show what is aborted a moment later.
    """

    def load(correct: Any, storage: TwoPhaseStorage, oid: bytes, version: str = "") -> Revision:
        commit = storage._commit
        for record in commit.records.get(oid, ()) if commit is not None else ():
            if record.data is not None:
                return record.data, record.tid
        found: Revision = correct(storage, oid, version)
        return found

    return around(TwoPhaseStorage, "load", load)


@double(
    "storage.abort",
    also="storage.callback storage.last-transaction storage.last-transaction-was-finished "
    "storage.same-meta-data-again storage.vote-twice",
)
def an_abort_after_the_vote_comes_too_late() -> Fault:
    """A transaction that is aborted after it has voted is committed all the same.

    Of a transaction that another participant has refused, one part is there.
    """

    def abort(correct: Any, storage: TwoPhaseStorage, transaction: object) -> None:
        commit = storage._commit
        if commit is not None and commit.meta is transaction and commit.prepared is not None:
            storage._keep_and_show(commit.prepared, None)
        correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("storage.tids-never-go-back")
def the_tid_is_told_before_the_data() -> Fault:
    """A transaction is told as the last one while its objects are still loaded as they were.

    Whoever reads in that moment keeps old states for new ones.
    """

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        commit = storage._commit
        if commit is not None and commit.prepared is not None:
            storage._last_tid = commit.tid
            if callback is not None:
                callback(commit.tid)
        tid: bytes = correct(storage, transaction)
        return tid

    return around(TwoPhaseStorage, "tpc_finish", finish)


@double("storage.store-needs-the-current-serial")
def any_revision_will_do() -> Fault:
    """A store is a conflict only where its serial is that of no revision of the object.

    Who has read an old one overwrites what others have committed since.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *more: Any) -> None:
        known = [revision.tid for revision in storage._history.revisions(oid)]
        correct(storage, oid, known[-1] if serial in known else serial, *more)

    return around(TwoPhaseStorage, "store", store)


@double("storage.store-needs-a-serial")
def later_serials_pass() -> Fault:
    """A store is a conflict only where its serial is less than the current one.

    A revision that was read from elsewhere, or is damaged, overwrites what others have committed.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *more: Any) -> None:
        current = storage._current_serial(oid)
        correct(storage, oid, current if any(current) and serial > current else serial, *more)

    return around(TwoPhaseStorage, "store", store)


@double("storage.store-of-what-is-gone")
def what_is_gone_is_forgotten() -> Fault:
    """To store an object of which nothing is left is accepted, and does nothing.

    The object is lost, without an error.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: bytes, *more: Any) -> None:
        if any(serial or b"") and storage._history.newest(oid) is None:
            return
        correct(storage, oid, serial, *more)

    return around(TwoPhaseStorage, "store", store)


@double("storage.read-beside-a-commit", also="storage.unseen-before-finish")
def nobody_reads_after_a_vote() -> Fault:
    """From the vote to the finish of a transaction, nobody can load.

    Requests fail whenever somebody commits.
    """

    def load(correct: Any, storage: TwoPhaseStorage, oid: bytes, version: str = "") -> Revision:
        if storage._commit is not None and storage._commit.prepared is not None:
            raise StorageError("a transaction is being committed")
        found: Revision = correct(storage, oid, version)
        return found

    return around(TwoPhaseStorage, "load", load)


@double("storage.snapshots-are-whole", also="storage.tids-never-go-back")
def objects_come_one_by_one() -> Fault:
    """What a transaction has stored becomes visible object by object, while it is being finished.

    A sum over all accounts is wrong for a moment.
    """
    early: dict[int, Commit] = {}

    def finish(
        correct: Any, storage: TwoPhaseStorage, transaction: object, callback: Any = None
    ) -> bytes:
        commit = storage._commit
        if commit is not None and commit.prepared is not None and callback is not None:
            early[id(storage)] = commit
            callback(commit.tid)
        tid: bytes = correct(storage, transaction)
        early.pop(id(storage), None)
        return tid

    def load_before(correct: Any, storage: TwoPhaseStorage, oid: bytes, tid: bytes) -> Past:
        commit = early.get(id(storage))
        if commit is not None and oid == min(commit.records, default=None):
            record = commit.records[oid][-1]
            if record.data is not None:
                return record.data, record.tid, None
        found: Past = correct(storage, oid, tid)
        return found

    return together(
        around(TwoPhaseStorage, "tpc_finish", finish),
        around(TwoPhaseStorage, "loadBefore", load_before),
    )


@double("storage.malformed-ids-lead-nowhere")
def oids_may_be_abbreviated() -> Fault:
    """What is longer than an oid is taken for one, by its beginning.

    A mistake in a program shows up as the wrong object.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, version: str = "") -> Revision:
        found: Revision = correct(storage, oid[:8], version)
        return found

    return around(ReadableStorage, "load", load)


@double("storage.prefetch-is-a-hint")
def prefetch_loads_what_there_is() -> Fault:
    """A storage that is told what is about to be loaded fails where one of the objects is missing.

    A program that only meant well stops.
    """

    def prefetch(storage: Any, oids: Any, tid: bytes) -> None:
        for oid in oids:
            storage.loadBefore(oid, tid)

    fault: Fault = patch.object(TwoPhaseStorage, "prefetch", prefetch, create=True)
    return fault
