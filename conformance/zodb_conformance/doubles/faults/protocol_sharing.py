"""Faults in what several clients of one storage see of each other, as scripts drive them."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from zodb_reference.errors import POSKeyError
from zodb_reference.oids import z64
from zodb_reference.storages import ClientStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.faults.storage_announcing import of_clients
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, on="reference-clients", checks="walk.storage-clients")

Loaded = tuple[bytes, bytes]


def is_first(client: ClientStorage) -> bool:
    """Whether a client is the one that has opened the storage."""
    return client._storage.clients[0] is client


@faulty("protocol.open-client")
def a_new_client_comes_late() -> Fault:
    """A client that is opened shows nothing of the last transaction until the next one.

    Who opens a page right after it was changed sees it unchanged.
    """

    def init(correct: Any, client: ClientStorage, *args: Any, **options: Any) -> None:
        correct(client, *args, **options)
        last = client._storage.lastTransaction()
        vars(client)["missing"] = z64 if is_first(client) else last

    def load(client: ClientStorage, oid: bytes, version: str = "") -> Loaded:
        missing = vars(client)["missing"]
        if missing == z64 or missing != client._storage.lastTransaction():
            return client._storage.load(oid)
        found = client._storage.loadBefore(oid, missing)
        if found is None:
            raise POSKeyError(oid)
        return found[:2]

    return together(around(ClientStorage, "__init__", init), of_clients("load", load))


@faulty("protocol.client-catches-up")
def what_was_loaded_once_is_kept() -> Fault:
    """A client keeps what it has loaded until it has changed something itself, whatever it has
    heard of others.

    Who only reads sees the state of this morning.
    """

    def load(client: ClientStorage, oid: bytes, version: str = "") -> Loaded:
        if is_first(client):
            return client._storage.load(oid)
        memory = vars(client).setdefault("memory", {})
        if oid not in memory:
            memory[oid] = client._storage.load(oid)
        return cast(Loaded, memory[oid])

    def finish(client: ClientStorage, *args: Any) -> bytes:
        vars(client).pop("memory", None)
        return client._storage.tpc_finish(*args)

    return together(of_clients("load", load), of_clients("tpc_finish", finish))


@faulty("protocol.client-reads")
def who_is_behind_is_far_behind() -> Fault:
    """As long as a client has not told of the last transaction, it shows the first revision of each
    object.

    For a moment everything is as it was when the site was new.
    """

    def knows(client: ClientStorage) -> bytes:
        tid = vars(client)["known"] = client._storage.lastTransaction()
        return tid

    def init(correct: Any, client: ClientStorage, *args: Any, **options: Any) -> None:
        correct(client, *args, **options)
        knows(client)

    def finish(client: ClientStorage, *args: Any) -> bytes:
        client._storage.tpc_finish(*args)
        return knows(client)

    def load(client: ClientStorage, oid: bytes, version: str = "") -> Loaded:
        found = client._storage.load(oid)
        if is_first(client) or vars(client)["known"] == client._storage.lastTransaction():
            return found
        tid = client._storage.history(oid, size=99)[-1]["tid"]
        return client._storage.loadSerial(oid, tid), tid

    return together(
        around(ClientStorage, "__init__", init),
        of_clients("lastTransaction", knows),
        of_clients("tpc_finish", finish),
        of_clients("load", load),
    )


class HalfDeaf:
    """Hears every other announcement."""

    def __init__(self, layer: Any) -> None:
        self.layer, self.number = layer, 0

    def invalidate(self, tid: bytes, oids: Any) -> None:
        """Hand it on, or not."""
        self.number += 1
        if self.number % 2:
            self.layer.invalidate(tid, oids)


@faulty("protocol.client-is-told")
def every_other_commit_is_announced() -> Fault:
    """A client announces every other transaction of other clients.

    Half of what others have changed is never seen by an object that is in memory.
    """

    def register(correct: Any, client: ClientStorage, layer: Any) -> None:
        correct(client, layer)
        client.layer = HalfDeaf(layer)

    return around(ClientStorage, "registerDB", register)


@faulty("protocol.close-client")
def who_leaves_has_finished() -> Fault:
    """A client that is closed when it has voted finishes its transaction.

    Half of what was to be stored in two storages is there.
    """

    def close(correct: Any, client: ClientStorage) -> None:
        commit = client._storage._commit
        if commit is not None and client.has_begun(commit.meta) and commit.prepared is not None:
            client._storage.tpc_finish(commit.meta)
        correct(client)

    return around(ClientStorage, "close", close)
