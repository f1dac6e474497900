"""Faults in storages that keep the snapshots of their users themselves."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any
from unittest.mock import patch

from zodb_reference.errors import ConflictError, POSKeyError, ReadConflictError
from zodb_reference.oids import maxtid, p64, u64, z64
from zodb_reference.storages import SnapshotStorage
from zodb_reference.storages.history import just_after
from zodb_reference.storages.twophase import TwoPhaseStorage
from zope.interface import directlyProvides

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, on="reference-snapshots")


def added(name: str, method: Any) -> Fault:
    """The fault that instances have a method of their own for what their storage does."""
    fault: Fault = patch.object(SnapshotStorage, name, method, create=True)
    return fault


@faulty(
    "storage.instance-keeps-its-snapshot",
    also="storage.instance-begins-with-a-snapshot storage.instances-are-independent"
    " storage.instance-of-an-instance storage.created-after-the-snapshot"
    " storage.undone-after-the-snapshot storage.snapshot-and-packing"
    " storage.instance-callback-comes-first",
)
def instances_show_the_newest_state() -> Fault:
    """An instance shows what was committed last, whether it was asked for it or not.

    A transaction reads half of what another one has changed, and works with what never was there.
    """

    def load_before(
        correct: Any, instance: SnapshotStorage, oid: bytes, tid: bytes
    ) -> tuple[bytes, bytes, bytes | None] | None:
        return instance._storage.loadBefore(oid, tid)

    return around(SnapshotStorage, "loadBefore", load_before)


@faulty("storage.instance-begins-with-a-snapshot", also="storage.instance-of-an-instance")
def a_new_instance_has_no_snapshot() -> Fault:
    """An instance shows the newest state until it is asked for the first time what has changed.

    What a program reads before that does not belong together.
    """

    def new_instance(correct: Any, instance: SnapshotStorage) -> SnapshotStorage:
        other: SnapshotStorage = correct(instance)
        other._point = None
        return other

    return around(SnapshotStorage, "new_instance", new_instance)


@faulty("storage.instances-are-independent")
def all_instances_move_together() -> Fault:
    """Where one instance is asked what has changed, all of them show the newest state.

    The boundary of one connection changes the data of another one in the middle of a transaction.
    """
    instances: weakref.WeakSet[SnapshotStorage] = weakref.WeakSet()

    def new_instance(correct: Any, instance: SnapshotStorage) -> SnapshotStorage:
        other: SnapshotStorage = correct(instance)
        instances.add(other)
        return other

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        told: list[bytes] | None = correct(instance)
        for other in [*instances]:
            other._point = instance._point
        return told

    return together(
        around(SnapshotStorage, "new_instance", new_instance),
        around(SnapshotStorage, "poll_invalidations", poll),
    )


@faulty("storage.instance-of-an-instance")
def a_new_instance_shows_what_its_maker_shows() -> Fault:
    """An instance begins with the snapshot of the one that made it.

    A connection that is opened shows data of the time when somebody else has last looked.
    """

    def new_instance(correct: Any, instance: SnapshotStorage) -> SnapshotStorage:
        other: SnapshotStorage = correct(instance)
        if not instance._is_first:
            other._point = instance._point
        return other

    return around(SnapshotStorage, "new_instance", new_instance)


@faulty("storage.created-after-the-snapshot")
def what_is_newer_is_empty() -> Fault:
    """An object that is newer than the snapshot loads as an empty record.

    The connection fails to read it with an error that names nothing, and does not try again.
    """

    def load(
        correct: Any, instance: SnapshotStorage, oid: bytes, version: str = ""
    ) -> tuple[bytes, bytes]:
        history, bound = instance._storage._history, just_after(instance._point or maxtid)
        is_missing = history.newest(oid) is None or bound <= history.packed()
        if not is_missing and history.find(oid, bound) is None:
            return b"", z64
        found: tuple[bytes, bytes] = correct(instance, oid, version)
        return found

    return around(SnapshotStorage, "load", load)


@faulty("storage.instance-reads-the-past")
def the_past_ends_with_the_snapshot() -> Fault:
    """An instance has what it shows, and no past revisions.

    A connection to the past shows the present, and what was merged is merged with the wrong state.
    """

    def load_before(
        correct: Any, instance: SnapshotStorage, oid: bytes, tid: bytes
    ) -> tuple[bytes, bytes, bytes | None] | None:
        is_past = instance._point is not None and tid <= instance._point
        found: tuple[bytes, bytes, bytes | None] | None
        found = correct(instance, oid, maxtid if is_past else tid)
        return found

    return around(SnapshotStorage, "loadBefore", load_before)


@faulty(
    "storage.undone-after-the-snapshot",
)
def what_was_undone_is_not_told() -> Fault:
    """An instance does not tell of objects that were undone.

    Connections go on to show what everybody was glad to be rid of.
    """

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        told: list[bytes] | None = correct(instance)
        if told is None:
            return None
        found = ((oid, instance._storage._history.find(oid)) for oid in told)
        return [oid for oid, record in found if record is None or record.data_txn is None]

    return around(SnapshotStorage, "poll_invalidations", poll)


@faulty("storage.snapshot-and-packing")
def what_was_packed_away_is_replaced() -> Fault:
    """Where packing has removed what a snapshot shows, the instance loads what is there now.

    For as long as somebody packs, transactions read what does not belong together.
    """

    def load(
        correct: Any, instance: SnapshotStorage, oid: bytes, version: str = ""
    ) -> tuple[bytes, bytes]:
        try:
            found: tuple[bytes, bytes] = correct(instance, oid, version)
        except ReadConflictError:
            if instance._point is None or instance._point > instance._storage._history.packed():
                raise
            found = instance._storage.load(oid)
        return found

    return around(SnapshotStorage, "load", load)


@faulty(
    "storage.released-instance",
    also="storage.instances-are-independent storage.use-after-release-spares",
)
def to_release_one_is_to_close_all() -> Fault:
    """An instance that is released closes the storage of all.

    The first connection that is dropped from a pool takes the database with it.
    """

    def release(correct: Any, instance: SnapshotStorage) -> None:
        instance._storage.close()

    return around(SnapshotStorage, "release", release)


@faulty("storage.use-after-release-spares")
def to_release_again_aborts_what_goes_on() -> Fault:
    """To release an instance gives up the transaction that is being committed, whosever that is.

    Somebody else can't finish what the storage has voted for.
    """

    def release(correct: Any, storage: Any) -> None:
        correct(storage)
        storage._storage.tpc_abort(storage._storage.tpc_transaction())

    return around(SnapshotStorage, "release", release)


@faulty("storage.instance-history")
def histories_end_where_they_were_asked_for_first() -> Fault:
    """An instance lists the history up to when it was first asked for one.

    However often it looks since, what is new does not come.
    """

    def history(storage: Any, oid: bytes, size: int = 1) -> Any:
        last = storage.__dict__.setdefault("_first_asked", storage.lastTransaction())
        found = storage._storage.history(oid, size=size)
        return [each for each in found if each["tid"] <= last]

    return added("history", history)


@faulty("storage.instances-conflict", also="storage.instances-lose-no-update")
def what_shows_may_be_replaced() -> Fault:
    """An instance takes what its snapshot shows for current, and has it replaced.

    What others have committed since then is overwritten, and nobody is told.
    """

    def store(instance: SnapshotStorage, oid: bytes, serial: bytes, *arguments: Any) -> None:
        with suppress(POSKeyError, ReadConflictError):
            if serial != z64 and instance.load(oid)[1] == serial:
                serial = instance._storage.getTid(oid)
        instance._storage.store(oid, serial, *arguments)

    return added("store", store)


@faulty("storage.instances-take-turns", also="storage.instances-lose-no-update")
def the_last_to_begin_goes_first() -> Fault:
    """An instance that begins a transaction ends the one that another has begun.

    Where two commit at the same time, one of them fails with an error that no program expects.
    """

    def await_turn(correct: Any, storage: TwoPhaseStorage) -> None:
        storage._commit = None

    return around(TwoPhaseStorage, "_await_turn", await_turn)


@faulty("storage.instances-lose-no-update")
def who_tries_again_is_let_through() -> Fault:
    """An instance that had a conflict over an object has none the next time it stores the object.

    A counter that several threads count with is too low in the end, and the busier they are the
    more so.
    """

    def store(instance: SnapshotStorage, oid: bytes, serial: bytes, *arguments: Any) -> None:
        refused = vars(instance).setdefault("refused", set())
        if oid in refused:
            refused.remove(oid)
            serial = instance._storage.getTid(oid)
        try:
            instance._storage.store(oid, serial, *arguments)
        except ConflictError:
            refused.add(oid)
            raise

    return added("store", store)


@faulty("storage.instances-share-their-oids")
def each_instance_counts_its_oids() -> Fault:
    """Each instance counts the oids that it gives, from where the storage was when it was made.

    Two new objects of two connections have one oid, and one of them is lost.
    """

    def new_oid(correct: Any, instance: SnapshotStorage) -> bytes:
        last = vars(instance).get("last", instance._storage._last_oid)
        oid = vars(instance)["last"] = p64(u64(last) + 1)
        return oid

    return around(SnapshotStorage, "new_oid", new_oid)


@faulty("storage.instances-are-alike")
def a_new_instance_announces_nothing() -> Fault:
    """What the storage can do, the instances that it makes do not say.

    A connection takes them for storages without blobs, and refuses to store one.
    """

    def new_instance(correct: Any, storage: Any) -> Any:
        other = correct(storage)
        directlyProvides(other)
        return other

    return around(SnapshotStorage, "new_instance", new_instance)


@faulty("storage.instances-sort-alike")
def instances_sort_for_themselves() -> Fault:
    """Each instance has a sort key of its own.

    Two threads that commit to two storages come to them in different orders, and wait for each
    other for ever.
    """

    def sort_key(instance: SnapshotStorage) -> str:
        return f"{instance._storage.sortKey()}-{id(instance)}"

    return added("sortKey", sort_key)


@faulty("storage.instance-callback-comes-first")
def an_instance_calls_back_last() -> Fault:
    """An instance calls the callback of `tpc_finish` when everybody can see the transaction.

    Who uses it to tell others of the transaction tells them too late.
    """

    def finish(
        correct: Any, instance: SnapshotStorage, transaction: object, callback: Any = None
    ) -> bytes:
        tid: bytes = correct(instance, transaction)
        if callback is not None:
            callback(tid)
        return tid

    return around(SnapshotStorage, "tpc_finish", finish)


@faulty("storage.instance-counts-what-all-have")
def what_does_not_show_is_not_counted() -> Fault:
    """An instance counts the objects in its snapshot.

    Who watches how a database grows sees it stand still.
    """

    def length(correct: Any, instance: SnapshotStorage) -> int:
        history, point = instance._storage._history, instance._point or maxtid
        newer = {
            oid for oids in (instance.changes_since(point).oids or {}).values() for oid in oids
        }
        counted: int = correct(instance)
        return counted - sum(history.revisions(oid)[0].tid > point for oid in newer)

    return around(SnapshotStorage, "__len__", length)


@faulty("storage.instance-iterates-the-newest")
def iterating_ends_with_the_snapshot() -> Fault:
    """To iterate over the transactions ends where the snapshot of the instance does.

    A copy that is made through an old instance lacks what was committed since.
    """

    def iterator(
        instance: SnapshotStorage, start: bytes | None = None, stop: bytes | None = None
    ) -> Iterator[Any]:
        bound = maxtid if instance._point is None else instance._point
        return instance._storage.iterator(start, min(stop or maxtid, bound))

    return added("iterator", iterator)


@faulty("storage.instance-undoes-the-newest", also="storage.undone-after-the-snapshot")
def the_undo_log_ends_with_the_snapshot() -> Fault:
    """The undo log has no transactions that are newer than the snapshot of the instance.

    The last mistake can't be undone before the program that has made it does something else.
    """

    def undo_log(instance: SnapshotStorage, first: int = 0, last: int = -20) -> Any:
        storage: Any = instance._storage
        newer = storage.changes_since(instance._point or maxtid).oids or ()
        return storage.undoLog(len(newer), last if last < 0 else last + len(newer))

    return added("undoLog", undo_log)


@faulty("storage.instance-packs-the-newest")
def packing_removes_what_the_snapshot_lacks() -> Fault:
    """To pack through an instance removes what can't be found in its snapshot.

    What was created since the instance has last looked is lost.
    """

    def pack(instance: SnapshotStorage, *arguments: Any) -> None:
        storage: Any = instance._storage
        history, point = storage._history, instance._point or maxtid
        written = {
            oid for oids in (storage.changes_since(point).oids or {}).values() for oid in oids
        }
        created = {oid: history.revisions(oid) for oid in written}
        storage.pack(*arguments)
        newer = {oid: found for oid, found in created.items() if found[0].tid > point}
        history.forget(storage.lastTransaction(), newer)

    return added("pack", pack)
