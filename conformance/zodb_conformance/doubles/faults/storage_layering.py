"""Faults in a storage of changes over another one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from zodb_reference.oids import new_tid, p64, u64, z64
from zodb_reference.storages.iteration import TransactionCopy
from zodb_reference.storages.layered import LayeredHistory, LayeredStorage
from zodb_reference.storages.memory import MemoryHistory
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double(
    "storage.layered-reads-fall-through",
    also="storage.layered-past-is-one storage.layered-resolution",
)
def layered_reads_find_what_is_current() -> Fault:
    """Of the base, a storage of changes shows the current revisions only.

    The past of what was not changed above can't be seen.
    """

    def below(correct: Any, history: Any, oid: bytes, before: Any) -> Any:
        found = correct(history, oid, None)
        return found if found and (before is None or found[1] < before) else None

    return around(LayeredHistory, "below", below)


@double(
    "storage.layered-writes-stay-above",
    also="storage.layered-aborts-leave-nothing storage.layered-layers"
    " storage.layered-resolution storage.layered-past-is-one storage.layered-history"
    " storage.layered-transactions",
)
def layered_writes_reach_the_base() -> Fault:
    """What is committed above is committed to the base, too, where it is there already.

    The data that must not suffer do.
    """

    def publish(correct: Any, history: Any, transaction: Any) -> None:
        base = history._base
        base.tpc_begin(transaction)
        for record in transaction.records:
            try:
                serial = base.load(record.oid)[1]
            except KeyError:
                continue
            base.store(record.oid, serial, record.data, "", transaction)
        base.tpc_vote(transaction)
        base.tpc_finish(transaction)
        correct(history, transaction)

    return around(LayeredHistory, "publish", publish)


@double("storage.layered-aborts-leave-nothing")
def layered_aborts_come_too_late() -> Fault:
    """What a storage of changes has voted for is there, even if it is aborted.

    What a program took back is shown.
    """

    def abort(correct: Any, storage: Any, transaction: Any) -> None:
        commit = storage._commit
        if isinstance(storage, LayeredStorage) and commit and commit.prepared:
            storage._history.publish(commit.prepared)
        correct(storage, transaction)

    return around(TwoPhaseStorage, "tpc_abort", abort)


@double("storage.layered-past-is-one")
def layered_past_has_no_end() -> Fault:
    """A revision of the base does not say that there is a later one above.

    A snapshot from before takes it for the current one.
    """

    def next_tid(correct: Any, history: Any, oid: bytes, tid: bytes) -> Any:
        below = history.below(oid, p64(u64(tid) + 1))
        return below[2] if below else correct(history, oid, tid)

    return around(LayeredHistory, "next_tid", next_tid)


@double("storage.layered-history")
def layered_history_ends_above() -> Fault:
    """The history of what was changed above does not go on in the base.

    Nobody sees what it was like before.
    """

    def history(correct: Any, storage: Any, oid: bytes, version: Any = None, size: int = 1) -> Any:
        size = version if isinstance(version, int) else size
        changes = len(storage._layers.revisions(oid))
        return correct(storage, oid, size=min(size, changes) if changes else size)

    return around(LayeredStorage, "history", history)


@double("storage.layered-conflicts", also="storage.layered-resolution")
def layered_conflicts_are_with_the_base() -> Fault:
    """A change from the revision of the base is no conflict, though there is one above.

    What was changed in between is lost.
    """

    def store(correct: Any, storage: Any, oid: bytes, serial: Any, *what: Any) -> None:
        below = storage._layers.below(oid, None) if isinstance(storage, LayeredStorage) else None
        if below is not None and below[1] == serial:
            serial = storage._current_serial(oid)
        correct(storage, oid, serial, *what)

    return around(TwoPhaseStorage, "store", store)


@double("storage.layered-resolution")
def layered_resolution_looks_above() -> Fault:
    """A storage of changes resolves conflicts with what is above only.

    The first conflict on each object stays one.
    """

    def resolve(correct: Any, storage: Any, oid: bytes, committed: bytes, *conflict: Any) -> Any:
        serial, *data = conflict
        if isinstance(storage, LayeredStorage):
            above = {revision.tid for revision in storage._layers.revisions(oid)}
            data[0] = data[0] if serial in above else None
            data[1] = data[1] if committed in above else None
        return correct(storage, oid, committed, serial, *data)

    return around(TwoPhaseStorage, "_resolve", resolve)


@double("storage.layered-current-reads")
def layered_reads_are_current_in_the_base() -> Fault:
    """What is current in the base counts as current, though there is a revision above.

    A program relies on what is not so any more.
    """

    def check(correct: Any, storage: Any, oid: bytes, serial: bytes, *which: Any) -> None:
        below = storage._layers.below(oid, None) if isinstance(storage, LayeredStorage) else None
        if below is None or below[1] != serial:
            correct(storage, oid, serial, *which)

    return around(TwoPhaseStorage, "checkCurrentSerialInTransaction", check)


@double("storage.layered-oids-are-new")
def layered_oids_begin_anew() -> Fault:
    """After some new oids a storage of changes begins to count from one.

    New objects take the place of those in the base.
    """
    given = count()

    def new_oid(correct: Any, storage: Any) -> Any:
        number = next(given)
        return p64(number) if number > 9 else correct(storage)

    return around(LayeredStorage, "new_oid", new_oid)


@double("storage.layered-tids-are-later")
def layered_tids_follow_the_changes() -> Fault:
    """The tid of the first transaction above is that of the clock, whatever is in the base.

    With a clock that is behind, the change is older than what it has changed.
    """

    def choose(correct: Any, storage: Any, tid: Any) -> Any:
        if isinstance(storage, LayeredStorage) and tid is None and not len(storage):
            return new_tid(z64)
        return correct(storage, tid)

    return around(TwoPhaseStorage, "_choose_tid", choose)


@double("storage.layered-length")
def layered_length_counts_the_base() -> Fault:
    """The length counts the objects of the base, too.

    Whether there are changes can't be told.
    """
    return instead(
        LayeredHistory,
        "count",
        lambda history: MemoryHistory.count(history) + len(history._base),
    )


@double("storage.layered-transactions")
def layered_transactions_are_of_the_changes() -> Fault:
    """Who goes through the transactions does not come by those of the base.

    A copy lacks what was not changed.
    """

    def iterate(correct: Any, storage: Any, *bounds: bytes) -> Iterator[TransactionCopy]:
        return PackableStorage._iterate(storage, *bounds)

    return around(LayeredStorage, "_iterate", iterate)


@double("storage.layered-packing")
def layered_packing_collects() -> Fault:
    """A pack of a storage of changes collects what can't be reached through the changes alone.

    Changes of objects are gone to which only the base leads.
    """

    def pack(correct: Any, storage: Any, *arguments: Any, **options: Any) -> None:
        PackableStorage.pack(storage, *arguments, **options)

    return around(LayeredStorage, "pack", pack)


@double("storage.layered-layers")
def layered_layers_look_at_the_bottom() -> Fault:
    """A storage of changes over another such one reads what is below that.

    The changes in the middle are not there.
    """

    def below(correct: Any, history: Any, oid: bytes, before: Any) -> Any:
        base = history._base
        if isinstance(base, LayeredStorage):
            return correct(base._layers, oid, before)
        return correct(history, oid, before)

    return around(LayeredHistory, "below", below)
