"""Faults in what a storage guarantees about objects that a transaction has read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from unittest.mock import patch

from zodb_reference.errors import POSKeyError, ReadConflictError
from zodb_reference.oids import new_tid
from zodb_reference.storages import ClientStorage, SnapshotStorage
from zodb_reference.storages.history import Record
from zodb_reference.storages.twophase import Commit, TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

CHECK = "checkCurrentSerialInTransaction"
UNCHECKED = """
    storage.outdated-read-alone storage.one-outdated-read-among-many storage.read-twice
    storage.outdated-read-is-told storage.unknown-read storage.outdated-read-is-not-resolved
    storage.read-of-the-deleted storage.read-of-the-undone
"""
"""The clauses that are broken where nothing is looked at, beside the first of them."""


@double("storage.current-read", also="storage.read-before-packing storage.aborted-read")
def what_was_read_is_stored_again() -> Fault:
    """To ask whether an object is current makes a new revision of it.

    All that others have read of it is outdated by that, although nobody has changed it.
    """

    def check(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        correct(storage, oid, serial, transaction)
        commit = storage._commit
        assert commit is not None
        data, _ = storage.load(oid)
        if oid not in commit.records:
            commit.put(Record(oid, commit.tid, data))

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.outdated-read", also=UNCHECKED)
def nothing_that_was_read_is_looked_at() -> Fault:
    """The storage takes the question, and does not look.

    A program that has relied on it stores what does not follow from what is there.
    """

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        """Return, as where all is well."""

    return around(TwoPhaseStorage, CHECK, check)


@double(
    "storage.outdated-read-alone",
    also="storage.read-twice storage.outdated-read-is-told storage.read-of-the-deleted"
    " storage.read-of-the-undone",
)
def who_stores_nothing_is_not_checked() -> Fault:
    """The storage looks when it has something to store, and so never where there is nothing.

    Another storage that takes part in the transaction keeps what was worked out from old data.
    """
    asked: list[Any] = []

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        asked.append(question)

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        questions, asked[:] = asked[:], []
        if storage._commit is not None and storage._commit.records:
            for question in questions:
                original(storage, *question)
        return correct(storage, transaction)

    original = TwoPhaseStorage.checkCurrentSerialInTransaction
    return together(
        around(TwoPhaseStorage, CHECK, check), around(TwoPhaseStorage, "tpc_vote", vote)
    )


@double("storage.one-outdated-read-among-many")
def sixteen_reads_are_looked_at() -> Fault:
    """Of the objects that a transaction has read, the storage looks at sixteen.

    Small transactions are all right, and so is whoever tries it.
    """
    asked: dict[int, int] = {}

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        number = asked[id(storage._commit)] = asked.get(id(storage._commit), 0) + 1
        if number <= 16:
            correct(storage, *question)

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.outdated-read-is-told")
def a_refused_read_is_not_told() -> Fault:
    """A read conflict says neither which object it was, nor in which revisions.

    Who has to find out why a program never gets on has nothing to go by.
    """

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        try:
            correct(storage, *question)
        except ReadConflictError:
            raise ReadConflictError from None

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.unknown-read", also="storage.read-of-the-deleted")
def what_is_not_there_is_current() -> Fault:
    """An object of which the storage knows nothing counts as current.

    What was worked out from an object that is gone by now is stored.
    """

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        with suppress(POSKeyError):
            correct(storage, *question)

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.read-and-stored")
def what_is_about_to_be_stored_is_outdated() -> Fault:
    """An object that the transaction has stored is taken for outdated by that.

    A program that asks about all that it has read can't change any of it.
    """

    def check(correct: Any, storage: TwoPhaseStorage, oid: bytes, *question: Any) -> None:
        correct(storage, oid, *question)
        if storage._commit is not None and oid in storage._commit.records:
            raise ReadConflictError(oid=oid)

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.read-twice")
def the_last_question_counts() -> Fault:
    """The storage remembers one revision for each object that was read, the last that it was told.

    A transaction that has read an object before and after a change is told that all is well.
    """
    asked: dict[int, dict[bytes, bytes]] = {}

    def check(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        asked.setdefault(id(storage._commit), {})[oid] = serial

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        for oid, serial in asked.pop(id(storage._commit), {}).items():
            original(storage, oid, serial, transaction)
        return correct(storage, transaction)

    original = TwoPhaseStorage.checkCurrentSerialInTransaction
    return together(
        around(TwoPhaseStorage, CHECK, check), around(TwoPhaseStorage, "tpc_vote", vote)
    )


@double("storage.outdated-read-is-not-resolved")
def resolving_makes_a_read_current() -> Fault:
    """An outdated read is forgiven where the object is stored, and that conflict is resolved.

    The class has merged two states of one object. What was stored elsewhere follows from neither.
    """
    failed: dict[bytes, ReadConflictError] = {}

    def check(correct: Any, storage: TwoPhaseStorage, oid: bytes, *question: Any) -> None:
        try:
            correct(storage, oid, *question)
        except ReadConflictError as error:
            failed[oid] = error

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        resolved = correct(storage, transaction)
        errors = [error for oid, error in failed.items() if oid not in resolved]
        failed.clear()
        for error in errors:
            raise error
        return resolved

    return together(
        around(TwoPhaseStorage, CHECK, check), around(TwoPhaseStorage, "tpc_vote", vote)
    )


def later(storage: TwoPhaseStorage, commit: Commit) -> Commit:
    """A transaction that has begun, with a tid after all that were committed meanwhile."""
    commit.tid = new_tid(storage._last_tid)
    for oid, records in commit.records.items():
        commit.records[oid] = tuple(one._replace(tid=commit.tid) for one in records)
    if commit.prepared is not None:
        commit.prepared = commit.transaction()
        storage._history.prepare(commit.prepared)
    return commit


def overlapping(by: Callable[[], object] = object) -> Fault:
    """The fault that a storage commits several transactions at once, and looks at each only when it
    is asked to store or to check something.

    by: gives who is about to commit; those of one wait for each other all the same
    """
    parked: list[Commit] = []
    owners: list[object] = [None]

    def await_turn(correct: Any, storage: TwoPhaseStorage) -> None:
        before, owners[0] = owners[0], by()
        if storage._commit is not None and before == owners[0]:
            correct(storage)
        elif storage._commit is not None:
            parked.append(storage._commit)
            storage._commit = None

    def require_current(
        correct: Any, storage: TwoPhaseStorage, transaction: object, method: str
    ) -> Commit:
        for commit in parked:
            if commit.meta is transaction:
                parked.remove(commit)
                if storage._commit is not None:
                    parked.append(storage._commit)
                storage._commit = later(storage, commit)
                break
        found: Commit = correct(storage, transaction, method)
        return found

    return together(
        around(TwoPhaseStorage, "_await_turn", await_turn),
        around(TwoPhaseStorage, "_require_current", require_current),
    )


@double("storage.read-stays-current")
def what_was_read_changes_before_the_end() -> Fault:
    """The storage looks whether what was read is current, and lets others change it before the end.

    Two transactions that rely on each other's objects are both committed: the write skew that the
    question is there to prevent.
    """
    return overlapping()


@double("storage.aborted-read")
def the_aborted_are_asked_after() -> Fault:
    """What an aborted transaction has read has to be current for those that come after it.

    Once that is changed, nothing can be committed any more.
    """
    asked: list[Any] = []

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        correct(storage, *question)
        asked.append(question)

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        for oid, serial, _ in asked:
            if serial != storage._current_serial(oid):
                raise ReadConflictError(oid=oid)
        return correct(storage, transaction)

    def finish(correct: Any, storage: TwoPhaseStorage, transaction: object, *more: Any) -> Any:
        asked[:] = [question for question in asked if question[-1] is not transaction]
        return correct(storage, transaction, *more)

    return together(
        around(TwoPhaseStorage, CHECK, check),
        around(TwoPhaseStorage, "tpc_vote", vote),
        around(TwoPhaseStorage, "tpc_finish", finish),
    )


@double("storage.read-of-the-deleted")
def what_was_deleted_was_the_last() -> Fault:
    """An object that was deleted counts as current in the revision that it had last.

    What was worked out from an object that somebody has deleted meanwhile is stored.
    """

    def check(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        try:
            correct(storage, oid, serial, transaction)
        except POSKeyError:
            revisions = storage._history.revisions(oid)
            if [one.tid for one in revisions[-2:-1]] != [serial]:
                raise

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.read-of-the-undone")
def what_holds_the_same_is_current() -> Fault:
    """A revision counts as current where its data are those of the current one.

    What has changed and was changed back counts as never touched, also where the program has looked
    at it in between.
    """

    def check(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        try:
            correct(storage, oid, serial, transaction)
        except ReadConflictError:
            if storage._data_at(oid, serial) != storage.load(oid)[0]:
                raise

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.read-before-packing")
def packing_outdates_what_was_read() -> Fault:
    """What was read before the storage was packed counts as outdated.

    Objects that nobody changes can't be relied on any more, and the program is told to try again,
    for ever.
    """

    def check(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, transaction: object
    ) -> None:
        correct(storage, oid, serial, transaction)
        if serial <= storage._history.packed():
            raise ReadConflictError(oid=oid)

    return around(TwoPhaseStorage, CHECK, check)


@double("storage.read-in-an-old-snapshot", on="reference-snapshots")
def the_snapshot_decides_what_is_current() -> Fault:
    """An instance compares what was read with what its snapshot shows, from which it was read.

    So it is always current, and nothing is ever refused.
    """

    def check(storage: SnapshotStorage, oid: bytes, serial: bytes, transaction: object) -> None:
        with suppress(POSKeyError, ReadConflictError):
            if storage.load(oid)[1] == serial and storage._begun is transaction:
                return
        storage._storage.checkCurrentSerialInTransaction(oid, serial, transaction)

    return patch.object(SnapshotStorage, CHECK, check, create=True)


@double("storage.read-by-a-client", on="reference-clients")
def the_memory_of_a_client_decides_what_is_current() -> Fault:
    """A client compares what was read with what it has read itself, and does not ask the server.

    What other clients have changed since is taken for current.
    """

    def load(client: ClientStorage, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        data, serial = client._storage.load(oid)
        memory[id(client), oid] = serial
        return data, serial

    def check(client: ClientStorage, oid: bytes, serial: bytes, transaction: object) -> None:
        if memory.get((id(client), oid)) != serial:
            client._storage.checkCurrentSerialInTransaction(oid, serial, transaction)

    memory: dict[tuple[int, bytes], bytes] = {}
    return together(
        patch.object(ClientStorage, "load", load, create=True),
        patch.object(ClientStorage, CHECK, check, create=True),
    )


@double("storage.read-stays-current-for-clients", on="reference-clients")
def what_was_read_is_changed_by_another_client() -> Fault:
    """Clients commit at the same time, and what one relies on another one changes before the end.

    It happens to programs on different machines alone, and never to who tries it in one.
    """
    committing = threading.local()

    def begin(correct: Any, client: ClientStorage, *arguments: Any) -> None:
        committing.client = id(client)
        correct(client, *arguments)

    return together(
        around(ClientStorage, "tpc_begin", begin), overlapping(lambda: committing.client)
    )
