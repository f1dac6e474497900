"""Faults in how a client announces what other clients have committed."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any, cast
from unittest.mock import patch

from zodb_reference.storages import ClientStorage
from zodb_reference.storages.clients import ServedStorage
from zodb_reference.storages.history import Record
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, on="reference-clients")

Test = Callable[[ServedStorage, Record], bool]


def announcing(is_announced: Test) -> Fault:
    """The fault that clients are told of some of the objects of a transaction alone."""

    def oids(correct: Any, storage: ServedStorage, transaction: object) -> list[bytes]:
        assert storage._commit is not None
        records = storage._commit.records
        told: list[bytes] = correct(storage, transaction)
        return [oid for oid in told if is_announced(storage, records[oid][-1])]

    return around(TwoPhaseStorage, "tpc_oids", oids)


def of_clients(name: str, method: Any) -> Fault:
    """The fault that clients have a method of their own for what their storage does."""
    fault: Fault = patch.object(ClientStorage, name, method, create=True)
    return fault


@faulty(
    "storage.announces",
    also="storage.announces-to-all storage.announces-in-order"
    " storage.announces-only-what-was-committed storage.announces-what-was-copied"
    " storage.announces-blobs",
)
def what_is_new_is_not_announced() -> Fault:
    """A client announces objects that were changed, and not those that were created.

    An object that somebody has looked for in vain, or that has come back, goes on to be missing.
    """

    def is_changed(storage: ServedStorage, record: Record) -> bool:
        return len(storage._history.revisions(record.oid)) > 1

    return announcing(is_changed)


@faulty(
    "storage.announces-to-all",
    also="storage.announces-what-was-copied"
    " storage.announces-beside-commits storage.announcements-keep-a-cache",
)
def one_client_is_told() -> Fault:
    """A transaction is announced to one other client, the one that was opened first.

    With two clients all is well. The third shows old data until it is restarted.
    """

    def finish(
        correct: Any, storage: ServedStorage, transaction: object, callback: Any = None
    ) -> bytes:
        clients = storage.clients
        storage.clients = [each for each in clients if not each.has_begun(transaction)][:1]
        try:
            return cast(bytes, correct(storage, transaction, callback))
        finally:
            storage.clients = clients

    return around(ServedStorage, "tpc_finish", finish)


@faulty(
    "storage.announces-in-order",
    also="storage.tells-what-was-announced"
    " storage.announces-beside-commits storage.announcements-keep-a-cache",
)
def every_tenth_is_left_out() -> Fault:
    """Of ten transactions, nine are announced.

    Now and then an object shows an old state, and the next change to it is a conflict for no reason
    that anybody sees.
    """
    numbers = count(1)

    def oids(correct: Any, storage: ServedStorage, transaction: object) -> list[bytes]:
        told: list[bytes] = correct(storage, transaction)
        return told if next(numbers) % 10 else []

    return around(TwoPhaseStorage, "tpc_oids", oids)


@faulty(
    "storage.announces-before-it-tells",
    also="storage.tells-what-was-announced"
    " storage.announces-beside-commits storage.announcements-keep-a-cache",
)
def announced_when_all_is_over() -> Fault:
    """A transaction is announced when it is finished, and everybody can ask for it already.

    A connection that begins a transaction in this moment sees new data beside old objects.
    """

    def finish(
        correct: Any, storage: ServedStorage, transaction: object, callback: Any = None
    ) -> bytes:
        oids, clients = storage.tpc_oids(transaction), storage.clients
        storage.clients = []
        try:
            tid: bytes = correct(storage, transaction, callback)
        finally:
            storage.clients = clients
        for client in [*clients]:
            if client.layer is not None and not client.has_begun(transaction):
                client.layer.invalidate(tid, oids)
        return tid

    return around(ServedStorage, "tpc_finish", finish)


@faulty("storage.announced-can-be-read")
def announced_before_it_is_there() -> Fault:
    """A transaction is announced before it can be read.

    A layer that reads what it was told of gets the old data, and takes them for the new.
    """

    def finish(
        correct: Any, storage: ServedStorage, transaction: object, callback: Any = None
    ) -> bytes:
        assert storage._commit is not None
        oids, clients, tid = storage.tpc_oids(transaction), storage.clients, storage._commit.tid
        for client in [*clients]:
            if client.layer is not None and not client.has_begun(transaction):
                client.layer.invalidate(tid, oids)
        storage.clients = []
        try:
            return cast(bytes, correct(storage, transaction, callback))
        finally:
            storage.clients = clients

    return around(ServedStorage, "tpc_finish", finish)


@faulty(
    "storage.tells-what-was-announced",
    also="storage.announces-before-it-tells"
    " storage.announces-beside-commits storage.announcements-keep-a-cache",
)
def the_server_is_asked_for_the_last_transaction() -> Fault:
    """A client asks the server for the last transaction, and not itself for what it has announced.

    The answer overtakes the announcement.
    """

    def last(client: ClientStorage) -> bytes:
        return client._storage._history.last_tid()

    return of_clients("lastTransaction", last)


@faulty("storage.announces-only-what-was-committed", also="storage.announced-can-be-read")
def announced_with_the_vote() -> Fault:
    """A transaction is announced when it has voted, and then it may be aborted.

    A layer that moves its snapshot up to there takes it to a transaction that never was, and later
    ones come in the middle of it.
    """

    def vote(correct: Any, storage: ServedStorage, transaction: object) -> Any:
        found = correct(storage, transaction)
        assert storage._commit is not None
        for client in [*storage.clients]:
            if client.layer is not None and not client.has_begun(transaction):
                client.layer.invalidate(storage._commit.tid, storage.tpc_oids(transaction))
        return found

    def finish(correct: Any, storage: ServedStorage, *arguments: Any) -> bytes:
        clients, storage.clients = storage.clients, []
        try:
            return cast(bytes, correct(storage, *arguments))
        finally:
            storage.clients = clients

    return together(
        around(ServedStorage, "tpc_vote", vote), around(ServedStorage, "tpc_finish", finish)
    )


@faulty("storage.announces-what-was-resolved")
def what_was_resolved_is_not_announced() -> Fault:
    """An object whose conflict was resolved is not announced.

    The one that has lost the race is told, by the vote; those that have not taken part hear
    nothing.
    """

    def is_plain(storage: ServedStorage, record: Record) -> bool:
        return storage._commit is None or record.oid not in storage._commit.resolved

    return announcing(is_plain)


@faulty("storage.announces-what-was-undone")
def what_was_undone_is_not_announced() -> Fault:
    """Objects that were undone are not announced.

    What somebody was glad to be rid of goes on to show elsewhere.
    """

    def is_new(storage: ServedStorage, record: Record) -> bool:
        return record.data_txn is None

    return announcing(is_new)


@faulty("storage.announces-what-was-deleted", also="storage.announces-what-was-undone")
def what_was_deleted_is_not_announced() -> Fault:
    """Objects that were deleted are not announced.

    They go on to show in the caches of others, and can be changed and linked to there.
    """

    def is_there(storage: ServedStorage, record: Record) -> bool:
        return record.data is not None

    return announcing(is_there)


@faulty("storage.announces-blobs")
def blobs_are_not_announced() -> Fault:
    """Blobs that were stored are not announced.

    Whoever has opened one reads its old content for ever.
    """

    def is_plain(storage: ServedStorage, record: Record) -> bool:
        return not record.blob

    return announcing(is_plain)


@faulty("storage.announces-what-was-copied")
def what_was_copied_is_not_announced() -> Fault:
    """Transactions that are copied from another storage are not announced.

    Who was connected while a backup was brought up to date shows the state of before.
    """

    def copy(client: ClientStorage, other: Any) -> None:
        storage: Any = client._storage
        clients, storage.clients = storage.clients, []
        try:
            storage.copyTransactionsFrom(other)
        finally:
            storage.clients = clients

    return of_clients("copyTransactionsFrom", copy)


@faulty("storage.announces-no-own")
def own_commits_are_announced() -> Fault:
    """A client announces what was committed through itself.

    Every object that a program has just committed has to be read again.
    """

    def has_begun(correct: Any, client: ClientStorage, transaction: object) -> bool:
        return False

    return around(ClientStorage, "has_begun", has_begun)


@faulty("storage.announces-beside-commits", also="storage.announcements-keep-a-cache")
def who_waits_does_not_listen() -> Fault:
    """A client that waits for its turn does not hear of what others commit meanwhile.

    The busier a database is, the more of it is outdated.
    """
    waiting: list[object] = []

    def begin(correct: Any, client: Any, *arguments: Any) -> None:
        waiting.append(client)
        try:
            correct(client, *arguments)
        finally:
            waiting.remove(client)

    def hear(correct: Any, client: Any, *announced: Any) -> None:
        if all(each is not client for each in waiting):
            correct(client, *announced)

    return together(around(ClientStorage, "tpc_begin", begin), around(ClientStorage, "hear", hear))


@faulty(
    "storage.announcements-keep-a-cache",
    also="storage.announces-before-it-tells storage.tells-what-was-announced"
    " storage.announced-can-be-read"
    " storage.announces-beside-commits",
)
def announced_a_moment_too_late() -> Fault:
    """A client announces what another one has committed a moment after it tells of it.

    Whoever looks in that moment has what was replaced for as long as it stays in his cache.
    """

    def finish(correct: Any, storage: Any, transaction: Any, callback: Any = None) -> bytes:
        late: list[Any] = []

        def hear(client: Any, *announced: Any) -> None:
            late.append((client, announced))

        heard = ClientStorage.hear
        with patch.object(ClientStorage, "hear", hear):
            tid = correct(storage, transaction, callback)
        time.sleep(0.003)
        for client, announced in late:
            heard(client, *announced)
        return cast(bytes, tid)

    return around(ServedStorage, "tpc_finish", finish)
