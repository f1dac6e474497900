"""Faults in what several clients of one storage owe each other."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from zodb_reference.errors import ConflictError, StorageError
from zodb_reference.storages import ClientStorage
from zodb_reference.storages.twophase import TwoPhaseStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.faults.storage_announcing import of_clients
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, on="reference-clients")


@faulty(
    "storage.clients-read-what-is-told",
    also="storage.clients-lose-no-update storage.clients-read-the-past",
)
def clients_remember_what_they_have_loaded() -> Fault:
    """A client keeps what it has loaded, and does not forget it when it was changed.

    The layer drops the object from its cache and gets it back as it was.
    """

    def load(client: ClientStorage, oid: bytes, version: str = "") -> tuple[bytes, bytes]:
        memory = vars(client).setdefault("memory", {})
        if oid not in memory:
            memory[oid] = client._storage.load(oid)
        return cast(tuple[bytes, bytes], memory[oid])

    return of_clients("load", load)


@faulty("storage.client-loads-while-told")
def an_answer_is_kept_whatever_was_told_meanwhile() -> Fault:
    """A client forgets what it keeps of an object that was changed, and then keeps the answer to a
    question from before.

    Once in a long while an object is old for ever, on one machine of many.
    """
    memory: dict[tuple[int, bytes], Any] = {}

    def register(correct: Any, client: ClientStorage, layer: Any) -> None:
        correct(client, layer)
        original = layer.invalidate

        def invalidate(tid: bytes, oids: list[bytes]) -> None:
            for oid in oids:
                memory.pop((id(client), oid), None)
            original(tid, oids)

        layer.invalidate = invalidate

    def load_before(client: ClientStorage, oid: bytes, tid: bytes) -> Any:
        kept = memory.get((id(client), oid))
        if kept is not None and kept[1] < tid:
            return kept
        found = client._storage.loadBefore(oid, tid)
        if found is not None and found[2] is None:
            memory[id(client), oid] = found
        return found

    return together(
        around(ClientStorage, "registerDB", register), of_clients("loadBefore", load_before)
    )


@faulty(
    "storage.clients-read-the-past",
    also="storage.clients-read-what-is-told storage.client-loads-while-told",
)
def what_was_current_goes_on_for_ever() -> Fault:
    """A client that has read a current revision takes it for current ever after.

    Whoever asks for a later state gets the old one.
    """

    def load_before(client: ClientStorage, oid: bytes, tid: bytes) -> Any:
        memory = vars(client).setdefault("memory", {})
        if oid not in memory or memory[oid][1] >= tid:
            memory[oid] = client._storage.loadBefore(oid, tid)
        return memory[oid]

    return of_clients("loadBefore", load_before)


@faulty(
    "storage.clients-conflict",
    also="storage.clients-conflict-when-told storage.clients-lose-no-update",
)
def clients_overwrite_each_other() -> Fault:
    """A client has its records stored on top of whatever is current.

    Of two that change one object at the same time, one loses its change, and nobody is told.
    """

    def store(client: ClientStorage, oid: bytes, serial: bytes, *arguments: Any) -> None:
        current = client._storage._current_serial(oid)
        client._storage.store(oid, current, *arguments)

    return of_clients("store", store)


@faulty(
    "storage.clients-conflict-when-told",
    also="storage.clients-conflict storage.clients-lose-no-update",
)
def who_was_told_may_overwrite() -> Fault:
    """A client that has announced a change takes it that its layer knows what it does.

    A change of which the layer has not taken note yet is overwritten.
    """

    def store(client: ClientStorage, oid: bytes, serial: bytes, *arguments: Any) -> None:
        if any(oid in oids for _, oids in getattr(client.layer, "announced", ())):
            serial = client._storage._current_serial(oid)
        client._storage.store(oid, serial, *arguments)

    return of_clients("store", store)


@faulty("storage.clients-at-the-same-time", also="storage.clients-lose-no-update")
def the_last_client_goes_first() -> Fault:
    """A client that begins a transaction ends that of another client.

    Where two commit at the same time, one of them fails with an error that no program expects.
    """

    def await_turn(correct: Any, storage: TwoPhaseStorage) -> None:
        storage._commit = None

    return around(TwoPhaseStorage, "_await_turn", await_turn)


@faulty("storage.clients-lose-no-update")
def a_client_that_tries_again_is_let_through() -> Fault:
    """A client that had a conflict over an object has none the next time it stores the object.

    A counter that several programs count with is too low in the end.
    """

    def store(client: ClientStorage, oid: bytes, serial: bytes, *arguments: Any) -> None:
        refused = vars(client).setdefault("refused", set())
        if oid in refused:
            refused.remove(oid)
            serial = client._storage._current_serial(oid)
        try:
            client._storage.store(oid, serial, *arguments)
        except ConflictError:
            refused.add(oid)
            raise

    return of_clients("store", store)


@faulty("storage.closed-client-leaves")
def a_transaction_outlives_its_client() -> Fault:
    """A transaction goes on when its client is closed, and nobody else can commit.

    One program that ends at the wrong moment stops all others.
    """
    left: list[object] = []

    def close(correct: Any, client: ClientStorage) -> None:
        left.append(client.begun)
        client.begun = None
        correct(client)

    def await_turn(correct: Any, storage: TwoPhaseStorage) -> None:
        commit = storage._commit
        if commit is not None and any(commit.meta is each for each in left):
            raise StorageError("the storage is busy")
        correct(storage)

    return together(
        around(ClientStorage, "close", close), around(TwoPhaseStorage, "_await_turn", await_turn)
    )
