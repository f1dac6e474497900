"""Faults in how an instance tells what others have committed."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial
from typing import Any, cast
from unittest.mock import patch

from zodb_reference.oids import maxtid, z64
from zodb_reference.storages import SnapshotStorage
from zodb_reference.storages.reading import Changes, ReadableStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, on="reference-snapshots")


@faulty(
    "storage.poll-tells-all-changes",
    also="storage.poll-names-what-has-changed storage.poll-after-own-commits"
    " storage.own-commit-loses-no-changes storage.after-completion-loses-no-changes",
)
def the_last_transaction_is_told() -> Fault:
    """An instance tells what the last transaction has changed, and not those before it.

    A connection that waits in a pool for a while shows old data when it is opened again.
    """

    def changes(correct: Any, storage: ReadableStorage, tid: bytes) -> Changes:
        last, oids = correct(storage, tid)
        return Changes(last, oids and dict([*oids.items()][-1:]))

    return around(ReadableStorage, "changes_since", changes)


@faulty("storage.poll-names-what-has-changed")
def everything_is_told() -> Fault:
    """An instance tells of all objects that there are, whenever anything was changed or not.

    Every connection reads all its objects again after every transaction.
    """

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        changed: list[bytes] | None = correct(instance)
        if changed is None:
            return None
        told = {*changed}
        oid = instance._storage._history.next_oid(z64)
        while oid is not None:
            told.add(oid)
            oid = instance._storage._history.next_oid(oid + b"\0")
        return sorted(told)

    return around(SnapshotStorage, "poll_invalidations", poll)


@faulty("storage.poll-gives-a-collection")
def what_is_told_can_be_gone_through_once() -> Fault:
    """What an instance tells is an iterator, which is empty after the first use.

    The connection drops the objects from its cache, and whoever else looks at it finds nothing.
    """

    def poll(correct: Any, instance: SnapshotStorage) -> Iterable[bytes] | None:
        told: list[bytes] | None = correct(instance)
        return None if told is None else iter(told)

    return around(SnapshotStorage, "poll_invalidations", poll)


@faulty("storage.poll-after-own-commits", also="storage.own-commit-loses-no-changes")
def an_own_commit_counts_as_looking() -> Fault:
    """An instance that commits has heard of all that was committed before.

    Who writes much hears of nothing: the busiest connection shows the oldest data.
    """

    def finish(correct: Any, instance: SnapshotStorage, *arguments: Any) -> bytes:
        tid: bytes = correct(instance, *arguments)
        instance._told = max(instance._told, tid)
        return tid

    return around(SnapshotStorage, "tpc_finish", finish)


@faulty("storage.own-commit-loses-no-changes")
def reading_after_a_commit_looks_for_nobody() -> Fault:
    """To read after a commit moves the snapshot, and nobody is told what that has changed.

    Objects that others have changed just before the commit stay as they were in the cache, and what
    is read newly does not fit them.
    """

    def finish(correct: Any, instance: SnapshotStorage, *arguments: Any) -> bytes:
        tid: bytes = correct(instance, *arguments)
        vars(instance)["has_committed"] = True
        return tid

    def load(correct: Any, instance: SnapshotStorage, *arguments: Any) -> tuple[bytes, bytes]:
        if vars(instance).pop("has_committed", False):
            instance.poll_invalidations()
        return cast(tuple[bytes, bytes], correct(instance, *arguments))

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        vars(instance).pop("has_committed", None)
        return cast(list[bytes] | None, correct(instance))

    return together(
        around(SnapshotStorage, "tpc_finish", finish),
        around(SnapshotStorage, "load", load),
        around(SnapshotStorage, "poll_invalidations", poll),
    )


@faulty("storage.poll-after-packing")
def what_was_packed_is_not_told() -> Fault:
    """After packing an instance tells what was changed since, and leaves out what came before.

    A connection that was idle while somebody has packed goes on to show old data.
    """

    def changes(correct: Any, storage: ReadableStorage, tid: bytes) -> Changes:
        packed = storage._history.packed()
        last, oids = correct(storage, tid)
        if oids is None and storage._history.revisions(z64)[-1].tid > packed:
            oids = correct(storage, packed).oids
        return Changes(last, oids)

    return around(ReadableStorage, "changes_since", changes)


@faulty("storage.poll-after-packing-the-undone")
def what_is_left_after_packing_is_told() -> Fault:
    """After packing an instance tells what can be found of the changes since it was last asked.

    An object that is gone altogether stays in the caches, and somebody may change it there.
    """

    def changes(correct: Any, storage: ReadableStorage, tid: bytes) -> Changes:
        # Several threads ask at once, and each of them would put back what another one has planted.
        with storage._lock, patch.object(storage._history, "packed", lambda: z64):
            return cast(Changes, correct(storage, tid))

    return around(ReadableStorage, "changes_since", changes)


@faulty("storage.poll-begins-anew")
def after_packing_nothing_is_told_for_a_while() -> Fault:
    """When an instance has told that it doesn't know, it tells nothing the next time.

    Of what was changed in between nobody hears.
    """

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        told: list[bytes] | None = correct(instance)
        was_lost = vars(instance).get("is_lost", False)
        vars(instance)["is_lost"] = told is None
        return [] if was_lost and told is not None else told

    return around(SnapshotStorage, "poll_invalidations", poll)


@faulty(
    "storage.poll-does-not-tell-of-the-unfinished",
    also="storage.poll-and-load-belong-together storage.polls-keep-a-cache",
)
def what_was_voted_for_shows() -> Fault:
    """What a transaction has stored shows in other instances once it has voted.

    Where it is aborted then, they have read what never was.
    """

    def load(correct: Any, instance: SnapshotStorage, oid: bytes) -> tuple[bytes, bytes]:
        commit = instance._storage._commit
        for record in commit.prepared.records if commit and commit.prepared else ():
            if record.oid == oid and record.data is not None:
                return record.data, record.tid
        return cast(tuple[bytes, bytes], correct(instance, oid))

    return around(SnapshotStorage, "load", load)


@faulty("storage.poll-and-load-belong-together", also="storage.polls-keep-a-cache")
def it_looks_once_for_changes_and_once_for_the_state() -> Fault:
    """An instance looks for what was changed, and then once more for the last transaction.

    What is committed in between shows, and the objects in the cache are older.
    """

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        told: list[bytes] | None = correct(instance)
        instance._point = instance._storage.lastTransaction()
        return told

    return around(SnapshotStorage, "poll_invalidations", poll)


@faulty("storage.sync-shows-the-newest", also="storage.sync-loses-no-changes")
def sync_does_nothing() -> Fault:
    """An instance does not look for the newest state when it is told to.

    A program that waits for another one to commit waits for ever.
    """

    def sync(correct: Any, instance: SnapshotStorage, force: bool = True) -> None:
        """Do nothing."""

    return around(SnapshotStorage, "sync", sync)


@faulty("storage.sync-loses-no-changes")
def sync_counts_as_looking() -> Fault:
    """What `sync` has brought is not told when the instance is asked what has changed.

    The objects that were changed stay as they were in the cache.
    """

    def sync(correct: Any, instance: SnapshotStorage, force: bool = True) -> None:
        correct(instance, force)
        if force:
            instance._told = instance._storage.lastTransaction()

    return around(SnapshotStorage, "sync", sync)


@faulty("storage.sync-may-be-declined")
def where_nobody_insists_half_moves() -> Fault:
    """After `sync(False)` an instance shows the newest state of what was not loaded before.

    The rest is shown as it was, and does not fit.
    """

    def load(correct: Any, instance: SnapshotStorage, oid: bytes) -> tuple[bytes, bytes]:
        loaded = vars(instance).setdefault("loaded", {})
        if vars(instance).get("is_mixed", False) and oid not in loaded:
            return instance._storage.load(oid)
        loaded[oid] = correct(instance, oid)
        return cast(tuple[bytes, bytes], loaded[oid])

    def sync(correct: Any, instance: SnapshotStorage, force: bool = True) -> None:
        correct(instance, force)
        vars(instance)["is_mixed"] = not force

    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        vars(instance)["is_mixed"] = False
        return cast(list[bytes] | None, correct(instance))

    return together(
        around(SnapshotStorage, "load", load),
        around(SnapshotStorage, "sync", sync),
        around(SnapshotStorage, "poll_invalidations", poll),
    )


@faulty("storage.after-completion-loses-no-changes")
def the_end_of_a_transaction_counts_as_looking() -> Fault:
    """What was changed up to the end of a transaction is not told after it.

    Every transaction of others that ends just before one's own is missed.
    """

    def complete(correct: Any, instance: SnapshotStorage) -> None:
        correct(instance)
        instance._told = instance._storage.lastTransaction()

    return around(SnapshotStorage, "afterCompletion", complete)


@faulty("storage.prefetch-changes-nothing")
def prefetching_what_is_missing_fails() -> Fault:
    """To say that an object is about to be loaded fails where it can't be.

    A hint that was to make a program faster makes it fail.
    """

    def prefetch(instance: SnapshotStorage, oids: Iterable[bytes]) -> None:
        for oid in oids:
            instance.loadBefore(oid, maxtid)

    fault: Fault = patch.object(SnapshotStorage, "prefetch", prefetch, create=True)
    return fault


@faulty("storage.instance-tells-its-last-transaction")
def the_last_transaction_is_that_of_all() -> Fault:
    """An instance tells of the last transaction of all, whatever it shows and has told.

    Who takes that for the state that is shown calls old data new.
    """

    def last(correct: Any, instance: SnapshotStorage) -> bytes:
        return instance._storage.lastTransaction()

    return around(SnapshotStorage, "lastTransaction", last)


@faulty("storage.polls-keep-a-cache", also="storage.poll-and-load-belong-together")
def polls_look_twice() -> Fault:
    """An instance asks what has changed first, and moves to what is the newest state by then.

    What comes in between is shown, and told to nobody.
    """

    def poll(correct: Any, instance: Any) -> Any:
        told = correct(instance)
        time.sleep(0.003)
        instance._point = instance._told = instance._storage.lastTransaction()
        return told

    return around(SnapshotStorage, "poll_invalidations", poll)
