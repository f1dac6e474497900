"""Storages that take the freedom which clauses on several users leave: no MUST is against it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from queue import Queue
from typing import Any
from unittest.mock import patch

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from zodb_conformance.doubles.double import REFERENCES
from zodb_conformance.doubles.planting import around, together
from zodb_conformance.examples import run_example
from zodb_conformance.results import Tally
from zodb_reference.errors import POSKeyError, ReadConflictError
from zodb_reference.storages import ClientStorage, SnapshotStorage
from zodb_reference.storages.clients import ServedStorage
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_spec.clause import Level, clauses

CHAPTERS = tuple(
    f"storage.{name}"
    for name in ("announcing", "clients", "current_reads", "instances", "layer", "polling")
)

Freedom = Callable[[], AbstractContextManager[object]]
FREEDOMS: dict[str, tuple[str, Freedom]] = {}


def freedom(target: str) -> Callable[[Freedom], Freedom]:
    """Have what a function plants in the reference tried on one of its targets."""

    def register(plant: Freedom) -> Freedom:
        FREEDOMS[plant.__name__] = target, plant
        return plant

    return register


of_snapshots, of_clients = freedom("reference-snapshots"), freedom("reference-clients")


@of_snapshots
def changes_are_never_told_by_name() -> Any:
    def poll(correct: Any, instance: SnapshotStorage) -> None:
        correct(instance)

    return around(SnapshotStorage, "poll_invalidations", poll)


@of_snapshots
def own_commits_are_told_as_well() -> Any:
    def finish(correct: Any, instance: SnapshotStorage, *arguments: Any) -> bytes:
        tid: bytes = correct(instance, *arguments)
        instance._own.clear()
        return tid

    return around(SnapshotStorage, "tpc_finish", finish)


@of_snapshots
def what_was_changed_is_told_twice() -> Any:
    def poll(correct: Any, instance: SnapshotStorage) -> list[bytes] | None:
        before = vars(instance).get("before", [])
        told = vars(instance)["before"] = correct(instance)
        return None if told is None else [*told, *(before or ())]

    return around(SnapshotStorage, "poll_invalidations", poll)


@of_snapshots
def a_snapshot_begins_with_the_first_reading() -> Any:
    def new_instance(correct: Any, instance: SnapshotStorage) -> SnapshotStorage:
        other: SnapshotStorage = correct(instance)
        vars(other)["is_unread"] = True
        return other

    def load_before(correct: Any, instance: SnapshotStorage, *arguments: Any) -> Any:
        if vars(instance).pop("is_unread", False):
            instance.sync()
        return correct(instance, *arguments)

    def poll(correct: Any, instance: SnapshotStorage) -> Any:
        vars(instance).pop("is_unread", False)
        return correct(instance)

    return together(
        around(SnapshotStorage, "new_instance", new_instance),
        around(SnapshotStorage, "loadBefore", load_before),
        around(SnapshotStorage, "poll_invalidations", poll),
    )


@of_snapshots
def a_snapshot_ends_with_an_own_commit() -> Any:
    def finish(correct: Any, instance: SnapshotStorage, *arguments: Any) -> bytes:
        tid: bytes = correct(instance, *arguments)
        instance.sync()
        return tid

    return around(SnapshotStorage, "tpc_finish", finish)


@of_snapshots
def to_sync_is_to_sync_whoever_insists() -> Any:
    def sync(correct: Any, instance: SnapshotStorage, force: bool = True) -> None:
        correct(instance)

    return around(SnapshotStorage, "sync", sync)


@of_snapshots
def what_is_newer_is_unknown() -> Any:
    def load(correct: Any, instance: SnapshotStorage, oid: bytes, *version: str) -> Any:
        try:
            return correct(instance, oid, *version)
        except ReadConflictError:
            raise POSKeyError(oid) from None

    return around(SnapshotStorage, "load", load)


@of_clients
def everything_is_forgotten_for_each_change() -> Any:
    def finish(
        correct: Any, storage: ServedStorage, transaction: object, callback: Any = None
    ) -> bytes:
        with ExitStack() as stack:
            for client in storage.clients:
                layer = client.layer
                if layer is not None:
                    forget = layer.invalidateCache
                    invalidate = lambda *_, forget=forget: forget()  # noqa: E731
                    stack.enter_context(patch.object(layer, "invalidate", invalidate))
            tid: bytes = correct(storage, transaction, callback)
        return tid

    return around(ServedStorage, "tpc_finish", finish)


@of_clients
def own_commits_are_announced_as_well() -> Any:
    return around(ClientStorage, "has_begun", lambda *_: False)


@of_clients
def announcements_come_late() -> Any:
    heard: dict[int, bytes] = {}
    late: Queue[tuple[ClientStorage, bytes, list[bytes]]] = Queue()

    def deliver() -> None:
        while True:
            client, tid, oids = late.get()
            time.sleep(0.002)
            client.layer.invalidate(tid, oids)
            heard[id(client)] = tid
            late.task_done()

    def register(correct: Any, client: ClientStorage, layer: Any) -> None:
        correct(client, layer)
        heard[id(client)] = client._storage.lastTransaction()

    def last(client: ClientStorage) -> bytes:
        return heard.get(id(client), client._storage.lastTransaction())

    def finish(correct: Any, storage: ServedStorage, transaction: object, *more: Any) -> bytes:
        late.join()  # who commits has heard of all that came before
        oids, clients, storage.clients = storage.tpc_oids(transaction), storage.clients, []
        try:
            tid: bytes = correct(storage, transaction, *more)
        finally:
            storage.clients = clients
        for client in clients:
            if client.layer is None or client.has_begun(transaction):
                heard[id(client)] = tid
            else:
                late.put((client, tid, oids))
        return tid

    threading.Thread(target=deliver, daemon=True).start()
    return together(
        around(ClientStorage, "registerDB", register),
        patch.object(ClientStorage, "lastTransaction", last, create=True),
        around(ServedStorage, "tpc_finish", finish),
    )


@pytest.mark.parametrize("target", REFERENCES)
def test_a_read_may_be_checked_in_the_vote(target: str, tmp_path: Path) -> None:
    asked: list[Any] = []

    def check(correct: Any, storage: TwoPhaseStorage, *question: Any) -> None:
        storage._require_begun(question[-1], "checkCurrentSerialInTransaction")
        asked.append(question)

    def vote(correct: Any, storage: TwoPhaseStorage, transaction: object) -> Any:
        mine = [each for each in asked if each[-1] is transaction]
        asked[:] = [each for each in asked if each[-1] is not transaction]
        for question in mine:
            original(storage, *question)
        return correct(storage, transaction)

    original = TwoPhaseStorage.checkCurrentSerialInTransaction
    with (
        around(TwoPhaseStorage, "checkCurrentSerialInTransaction", check),
        around(TwoPhaseStorage, "tpc_vote", vote),
    ):
        assert broken(target, tmp_path) == []


@pytest.mark.parametrize("name", FREEDOMS)
def test_a_freedom_may_be_taken(name: str, tmp_path: Path) -> None:
    target, plant = FREEDOMS[name]
    with plant():
        assert broken(target, tmp_path) == []


def broken(target: str, directory: Path) -> list[str]:
    """The clauses that are held against a target of the reference, of those that are a MUST."""
    tried = REFERENCES[target]()
    found = []
    for number, clause in enumerate(clauses().values()):
        chosen = tried.suited(clause.needs, clause.without)
        is_tried = clause.chapter in CHAPTERS and clause.level is Level.MUST and chosen is not None
        if is_tried and clause.kind == "example":
            (directory / str(number)).mkdir()
            if run_example(clause, chosen, directory / str(number), Tally()) is not None:
                found.append(clause.id)
    return found
