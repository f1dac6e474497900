"""Faults in what clients do without their server, and when they are back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

from zodb_reference.errors import StorageTransactionError
from zodb_reference.snapshot import SharedStorage
from zodb_reference.storages import ClientStorage, clients
from zodb_reference.storages.clients import ServedStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, on="reference-clients")


def added(name: str, method: Any) -> Fault:
    """The fault that clients have a method of their own for what their storage does."""
    fault: Fault = patch.object(ClientStorage, name, method, create=True)
    return fault


def _hearing(heard: Callable[[Any, list[bytes], bytes, Iterable[bytes]], Any]) -> Fault:
    """The fault that a client which has come back announces less than it has missed.

    heard: what it announces of a transaction: given the storage, the tids that it has missed, the
           tid and the oids; None to leave it out
    """

    def find_again(correct: Any, storage: Any, client: Any) -> None:
        tids = sorted(storage.changes_since(client.heard).oids or () if client.heard else ())
        hear = client.hear

        def hear_less(tid: bytes, oids: Iterable[bytes]) -> None:
            told = heard(storage, tids, tid, oids)
            if told is not None:
                hear(tid, told)

        with patch.object(client, "hear", hear_less):
            correct(storage, client)

    return around(ServedStorage, "find_again", find_again)


@faulty("storage.cut-off-reads", also="storage.cut-off-is-transient")
def who_is_cut_off_reads_on() -> Fault:
    """A client that has lost its connection shows what has been committed since.

    Whoever reads has one object from before and one from after, and was told of neither.
    """

    def load(client: Any, oid: bytes, version: str = "") -> Any:
        return client._storage.load(oid, version)

    return added("load", load)


@faulty(
    "storage.cut-off-tells-nothing-new",
    also="storage.come-back-announces-first storage.cut-off-in-a-transaction",
)
def who_is_cut_off_tells_the_newest() -> Fault:
    """A client that has lost its connection tells of transactions of which it has not heard.

    A connection moves its snapshot beyond what its cache knows.
    """

    def last(client: Any) -> bytes:
        tid: bytes = client._storage.lastTransaction()
        return tid

    return instead(ClientStorage, "lastTransaction", last)


@faulty(
    "storage.come-back-announces",
    also="storage.come-back-announces-many storage.layer-over-a-lost-connection",
)
def the_last_of_what_was_missed_is_announced() -> Fault:
    """Of what a client has missed it announces the last transaction alone.

    What the others have changed is shown as it was, until somebody changes it again.
    """
    return _hearing(lambda storage, tids, tid, oids: oids if tid == tids[-1] else None)


@faulty("storage.come-back-announces-many")
def no_more_than_ten_that_were_missed_are_announced() -> Fault:
    """Of what a client has missed it announces the last ten transactions.

    After a long night some objects are shown as they were the day before.
    """
    return _hearing(lambda storage, tids, tid, oids: oids if tid in tids[-10:] else None)


@faulty("storage.come-back-announces-what-was-undone")
def an_undo_that_was_missed_is_not_announced() -> Fault:
    """Of what a client has missed it announces no objects that were undone.

    What somebody was glad to be rid of goes on to show elsewhere.
    """

    def stored(storage: Any, tids: list[bytes], tid: bytes, oids: Iterable[bytes]) -> list[bytes]:
        newest = {oid: storage._history.find(oid) for oid in oids}
        return [oid for oid, one in newest.items() if one.data and one.data_txn is None]

    return _hearing(stored)


@faulty("storage.come-back-announces-first")
def what_was_missed_is_told_first() -> Fault:
    """A client that is back tells of the last transaction, and announces after that.

    A connection that looks in between takes what its cache has for current.
    """

    def find_again(correct: Any, storage: Any, client: Any) -> None:
        late: list[Any] = []
        with patch.object(client, "hear", lambda *announced: late.append(announced)):
            correct(storage, client)
        for announced in late:
            client.hear(*announced)

    return around(ServedStorage, "find_again", find_again)


@faulty(
    "storage.come-back-reads",
    also="storage.cut-off-begins-nothing storage.cut-off-in-a-transaction"
    " storage.come-back-announces-what-was-undone",
)
def what_was_kept_is_kept_for_ever() -> Fault:
    """A client keeps what it has loaded over the loss of its connection, and does not verify it.

    It shows the old state of what others have changed meanwhile.
    """

    def load(client: Any, oid: bytes, version: str = "") -> Any:
        cache = client.__dict__.setdefault("_cache", {})
        if oid not in cache:
            cache[oid] = client._open_storage().load(oid, version)
        return cache[oid]

    def hear(correct: Any, client: Any, tid: bytes, oids: Iterable[bytes]) -> None:
        correct(client, tid, oids)
        if client.heard is None:
            client.__dict__.get("_cache", {}).clear()

    return together(added("load", load), around(ClientStorage, "hear", hear))


@faulty("storage.cut-off-begins-nothing")
def who_is_cut_off_commits_nowhere() -> Fault:
    """A client that has lost its connection takes what is committed, and votes for it.

    Nobody is told that it is not stored anywhere.
    """

    def passing(name: str) -> Fault:
        def call(client: Any, *arguments: Any) -> Any:
            return None if client.heard else getattr(client._storage, name)(*arguments)

        return added(name, call)

    def begin(correct: Any, client: Any, *arguments: Any) -> None:
        if client.heard is None:
            correct(client, *arguments)

    beginning = around(ClientStorage, "tpc_begin", begin)
    return together(beginning, passing("store"), passing("tpc_vote"))


@faulty("storage.cut-off-in-a-transaction")
def what_is_over_ends_well() -> Fault:
    """A client that was cut off in a transaction ends it as if it had been committed.

    The program goes on with what nobody has stored.
    """

    def passing(name: str) -> Fault:
        def call(client: Any, *arguments: Any) -> Any:
            try:
                return getattr(client._open_storage(), name)(*arguments)
            except StorageTransactionError:
                return None

        return added(name, call)

    return together(passing("tpc_vote"), passing("tpc_finish"))


@faulty("storage.come-back-oids")
def oids_begin_anew_with_the_connection() -> Fault:
    """A client that is back gives the oids again that it has given before.

    New objects take the place of others.
    """

    def new_oid(client: Any) -> Any:
        given = client.__dict__.setdefault("_given", [])
        given.append(client._open_storage().new_oid())
        return given[0] if client._losses else given[-1]

    return added("new_oid", new_oid)


@faulty("storage.layer-over-a-lost-connection")
def a_database_is_deaf_after_a_loss() -> Fault:
    """A database takes no notice of what its storage announces when the connection is back.

    Caches show what was replaced meanwhile.
    """

    def invalidate(
        correct: Any, shared: SharedStorage, tid: bytes, oids: Iterable[bytes], version: str = ""
    ) -> None:
        if getattr(shared.storage, "heard", None) is None:
            correct(shared, tid, oids, version)

    return around(SharedStorage, "invalidate", invalidate)


@faulty("storage.cut-off-is-transient")
def a_lost_connection_is_final() -> Fault:
    """The error of a client that is cut off does not say that to try again may help.

    Programs give up for a second without network.
    """

    def error(errors: ModuleType) -> type[Exception]:
        found: type[Exception] = errors.StorageError
        return found

    return instead(clients, "_disconnected", error)
