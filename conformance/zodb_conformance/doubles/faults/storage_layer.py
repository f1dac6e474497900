"""Faults in what the layer above owes to a storage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from zodb_reference.invalidation import InvalidationLog
from zodb_reference.snapshot import SharedStorage, Snapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around


@double(
    "storage.layer-registers-first",
    also="storage.layer-reads-records storage.layer-heeds-announcements"
    " storage.layer-takes-any-oids storage.layer-forgets-everything",
)
def the_storage_does_not_know_its_layer() -> Fault:
    """A database does not register itself with its storage.

    A storage that learns of foreign commits has nobody to tell.
    """

    def init(correct: Any, shared: SharedStorage, storage: Any) -> None:
        shared.storage = storage
        shared.log = InvalidationLog()

    return around(SharedStorage, "__init__", init)


@double("storage.layer-reads-records")
def references_are_given_once() -> Fault:
    """A database that is given a list for the references of a record leaves it empty.

    A storage that collects garbage with it finds nothing that could be reached.
    """

    def references(
        correct: Any, shared: SharedStorage, record: bytes, oids: list[bytes] | None = None
    ) -> list[bytes]:
        found: list[bytes] = correct(shared, record)
        return found

    return around(SharedStorage, "references", references)


@double("storage.layer-heeds-announcements", also="storage.layer-takes-any-oids")
def announcements_are_not_heeded() -> Fault:
    """A database takes no notice of what its storage announces.

    What other programs commit is seen when an object happens to leave the cache.
    """

    def invalidate(
        correct: Any, shared: SharedStorage, tid: bytes, oids: Iterable[bytes], version: str = ""
    ) -> None:
        """Do nothing."""

    return around(SharedStorage, "invalidate", invalidate)


@double("storage.layer-takes-any-oids")
def announcements_are_lists() -> Fault:
    """A database takes no notice of oids that are not in a list, or another collection.

    A storage that gives them one by one announces nothing.
    """

    def invalidate(
        correct: Any, shared: SharedStorage, tid: bytes, oids: Iterable[bytes], version: str = ""
    ) -> None:
        correct(shared, tid, oids if isinstance(oids, Collection) else (), version)

    return around(SharedStorage, "invalidate", invalidate)


@double("storage.layer-forgets-everything")
def nothing_is_forgotten() -> Fault:
    """A database takes no notice where its storage can't say what has changed.

    After a loss of the connection to a server it shows the state of before.
    """

    def invalidate(correct: Any, shared: SharedStorage) -> None:
        """Do nothing."""

    return around(SharedStorage, "invalidateCache", invalidate)


@double(
    "storage.layer-of-another-client",
    also="storage.layer-heeds-announcements",
    on="reference-clients",
)
def the_first_announcement_is_heeded() -> Fault:
    """A database heeds the first announcement of each object.

    The second change that another program makes is not seen.
    """
    heard: set[tuple[int, bytes]] = set()

    def invalidate(
        correct: Any, shared: SharedStorage, tid: bytes, oids: Iterable[bytes], version: str = ""
    ) -> None:
        named = {(id(shared), oid) for oid in oids}
        correct(shared, tid, [oid for _, oid in named - heard], version)
        heard.update(named)

    return around(SharedStorage, "invalidate", invalidate)


@double("storage.layer-forgets-what-is-not-told", on="reference-snapshots")
def unknown_changes_are_none() -> Fault:
    """A connection takes it that nothing has changed where its instance does not know.

    After packing it goes on to show what it has in its cache, however old.
    """

    def advance(correct: Any, snapshot: Snapshot) -> Mapping[bytes, bytes]:
        return correct(snapshot) or {}

    return around(Snapshot, "advance", advance)


@double("storage.layer-tells-the-end", on="reference-snapshots")
def the_end_is_not_told() -> Fault:
    """A connection does not tell its instance that a transaction is over.

    Each idle connection keeps a transaction of the database server open, which can't tidy up.
    """

    def complete(correct: Any, snapshot: Snapshot) -> None:
        """Do nothing."""

    return around(Snapshot, "complete", complete)
