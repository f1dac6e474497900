"""Faults in what a storage gives to who reads, as scripts drive it."""

from __future__ import annotations

from typing import Any

from zodb_reference.storages.history import just_after
from zodb_reference.storages.instances import SnapshotStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double("protocol.load", checks="walk.storage")
def every_revision_is_of_the_last_transaction() -> Fault:
    """`load` gives the tid of the last transaction for every object.

    Whoever changes an object that was not in it has a conflict with nobody.
    """

    def load(correct: Any, storage: ReadableStorage, *args: Any) -> tuple[bytes, bytes]:
        return correct(storage, *args)[0], storage.lastTransaction()

    return around(ReadableStorage, "load", load)


@double("protocol.load-missing", checks="walk.storage")
def what_is_missing_is_empty() -> Fault:
    """`load` gives empty data for an object that there is not.

    A broken reference is told as damaged data.
    """

    def load(correct: Any, storage: ReadableStorage, *args: Any) -> Any:
        try:
            return correct(storage, *args)
        except KeyError:
            return b"", bytes(8)

    return around(ReadableStorage, "load", load)


@double("protocol.load-before", checks="walk.storage")
def every_revision_is_the_last() -> Fault:
    """`loadBefore` never says that a revision was followed by another one.

    A cache of the past takes what was current then for what is current now.
    """

    def load(correct: Any, storage: ReadableStorage, *args: Any) -> Any:
        found = correct(storage, *args)
        return None if found is None else (*found[:2], None)

    return around(ReadableStorage, "loadBefore", load)


@double("protocol.load-before-missing", checks="walk.storage")
def what_never_was_is_only_younger() -> Fault:
    """`loadBefore` gives None for an object that was never stored.

    A reference to nothing is told as a conflict, and tried again for ever.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Any:
        try:
            return correct(storage, oid, tid)
        except KeyError:
            if storage._open_history().newest(oid) is not None:
                raise
            return None

    return around(ReadableStorage, "loadBefore", load)


@double("protocol.load-before-deletion", checks="walk.storage-upkeep")
def what_was_deleted_lives_on_in_the_past() -> Fault:
    """`loadBefore` gives what an object was before it was deleted, for a time when it was gone.

    A connection to the past shows what there was not.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, tid: bytes) -> Any:
        try:
            return correct(storage, oid, tid)
        except KeyError:
            deletion = storage._open_history().find(oid, tid)
            if deletion is None:
                raise
            return correct(storage, oid, deletion.tid)

    return around(ReadableStorage, "loadBefore", load)


@double("protocol.load-serial", checks="walk.storage")
def every_serial_is_the_current_one() -> Fault:
    """`loadSerial` gives the current data, whatever the serial.

    A conflict is resolved from a state that nobody has read.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, serial: bytes) -> Any:
        correct(storage, oid, serial)
        return storage.load(oid)[0]

    return around(ReadableStorage, "loadSerial", load)


@double("protocol.load-serial-missing", checks="walk.storage")
def the_nearest_serial_will_do() -> Fault:
    """`loadSerial` gives the revision before the serial, where there is none of it.

    A conflict is resolved from a state that nobody has read.
    """

    def load(correct: Any, storage: ReadableStorage, oid: bytes, serial: bytes) -> Any:
        try:
            return correct(storage, oid, serial)
        except KeyError:
            found = storage.loadBefore(oid, just_after(serial))
            if found is None:
                raise
            return found[0]

    return around(ReadableStorage, "loadSerial", load)


@double("protocol.last-transaction", checks="walk.storage")
def the_last_transaction_is_yet_to_come() -> Fault:
    """`lastTransaction` gives the tid of a transaction that has only begun.

    A connection that opens then misses what that transaction stores.
    """

    def last(correct: Any, storage: TwoPhaseStorage) -> Any:
        return correct(storage) if storage._commit is None else storage._commit.tid

    return around(ReadableStorage, "lastTransaction", last)


@double("protocol.get-tid", checks="walk.storage")
def the_tid_of_an_object_is_the_last() -> Fault:
    """`getTid` gives the tid of the last transaction for every object.

    A server tells its clients that what they have is out of date.
    """

    def get(correct: Any, storage: ReadableStorage, oid: bytes) -> bytes:
        correct(storage, oid)
        return storage.lastTransaction()

    return around(ReadableStorage, "getTid", get)


@double("protocol.history", checks="walk.storage")
def histories_begin_at_the_beginning() -> Fault:
    """`history` lists the oldest revision first.

    Who asks for the newest ones gets the oldest.
    """

    def history(correct: Any, storage: ReadableStorage, *args: Any, **options: Any) -> Any:
        return correct(storage, *args, **options)[::-1]

    return around(ReadableStorage, "history", history)


@double("protocol.iteration", checks="walk.storage")
def a_listing_leaves_the_end_out() -> Fault:
    """`iterator` leaves out the last transaction.

    A copy lacks it.
    """

    def iterate(correct: Any, storage: ReadableStorage, *args: Any) -> Any:
        return iter(list(correct(storage, *args))[:-1])

    return around(ReadableStorage, "iterator", iterate)


@double("protocol.notes", checks="walk.storage")
def what_was_noted_is_noted_of_the_next() -> Fault:
    """`iterator` shows of each transaction the further notes of the one before.

    The wrong person is asked about a change.
    """

    def iterate(correct: Any, storage: ReadableStorage, *args: Any) -> Any:
        before: dict[str, Any] = {}
        for each in correct(storage, *args):
            each.extension, before = before, each.extension
            yield each

    return around(ReadableStorage, "iterator", iterate)


@double("protocol.record-iteration", checks="walk.storage")
def there_is_nothing_behind_the_first_record() -> Fault:
    """`record_iternext` ends with the first object.

    Whoever goes through all objects sees one.
    """

    def following(correct: Any, storage: ReadableStorage, *args: Any) -> Any:
        return (*correct(storage, *args)[:3], None)

    return around(ReadableStorage, "record_iternext", following)


# Instances.


@double("protocol.new-instance", checks="walk.storage", on="reference-snapshots")
def there_is_one_instance() -> Fault:
    """`new_instance` gives the instance itself.

    All connections have one snapshot, and move it under each other.
    """
    return around(SnapshotStorage, "new_instance", lambda correct, storage: storage)


@double(
    "protocol.poll",
    also="protocol.newer-object",
    checks="walk.storage",
    on="reference-snapshots",
)
def an_instance_shows_what_is_new() -> Fault:
    """An instance shows the newest state, whether it was asked to look for it or not.

    A transaction sees objects that do not fit each other.
    """

    def load(correct: Any, storage: SnapshotStorage, *args: Any) -> Any:
        return storage._storage.load(*args)

    return around(SnapshotStorage, "load", load)


@double("protocol.poll-tells", checks="walk.storage", on="reference-snapshots")
def one_change_is_not_told() -> Fault:
    """`poll_invalidations` leaves out one of the objects that were changed.

    The connection goes on showing what it has of that.
    """

    def poll(correct: Any, storage: SnapshotStorage) -> Any:
        found = correct(storage)
        return found and found[1:]

    return around(SnapshotStorage, "poll_invalidations", poll)


@double("protocol.newer-object", checks="walk.storage", on="reference-snapshots")
def what_is_newer_is_there_already() -> Fault:
    """An instance shows objects that were created after what it shows.

    They refer to states of others that it does not show.
    """

    def load(correct: Any, storage: SnapshotStorage, oid: bytes, *args: Any) -> Any:
        try:
            return correct(storage, oid, *args)
        except Exception:  # noqa: BLE001  # an error of any of the two kinds
            return storage._storage.load(oid, *args)

    return around(SnapshotStorage, "load", load)


@double("protocol.release", checks="walk.storage", on="reference-snapshots")
def the_last_to_leave_is_anybody() -> Fault:
    """To release an instance closes the storage.

    All others fail.
    """

    def release(correct: Any, storage: SnapshotStorage) -> None:
        correct(storage)
        storage._storage.close()

    return around(SnapshotStorage, "release", release)
