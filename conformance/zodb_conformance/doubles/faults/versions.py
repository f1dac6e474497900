"""Faults in versions: in what goes into them, what they lock, and how they end."""

from __future__ import annotations

from functools import partial
from typing import Any

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.db_of_2006 import DBOf2006
from zodb_reference.errors import POSKeyError, VersionError, VersionLockError
from zodb_reference.storages.history import just_after
from zodb_reference.storages.states import State
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.versioning import VersionedStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, edition="2006-08-16", checks="walk.versions")


@faulty("version.unsupported")
def a_version_has_to_be_there() -> Fault:
    """A connection can't be opened in a version that holds nothing yet.

    No version can ever be begun.
    """

    def open_connection(
        correct: Any, db: DBOf2006, version: str = "", *more: Any, **options: Any
    ) -> Any:
        if version and db.versionEmpty(version):
            raise ValueError(f"there is no version {version!r}")
        return correct(db, version, *more, **options)

    return around(DBOf2006, "open", open_connection)


@faulty("version.belongs")
def every_connection_says_that_it_is_in_the_first_version() -> Fault:
    """All connections in versions say that they are in the one that was opened first.

    A program that looks where it is before it changes something changes the wrong thing.
    """
    first: list[str] = []

    def get_version(correct: Any, connection: ConnectionOf2006) -> str:
        version: str = correct(connection)
        if version and not first:
            first.append(version)
        return first[0] if version else ""

    return around(ConnectionOf2006, "getVersion", get_version)


@faulty("version.sees-own")
def what_is_new_goes_into_the_trunk() -> Fault:
    """What is stored in a version goes into the trunk, as long as the version holds nothing.

    The first draft is there for everybody.
    """

    def store(correct: Any, snapshot: OlderSharedSnapshot, *items: Any) -> None:
        version = snapshot.version
        if version and snapshot.storage.versionEmpty(version):
            snapshot.version = ""
        try:
            correct(snapshot, *items)
        finally:
            snapshot.version = version

    return around(OlderSharedSnapshot, "store", store)


@faulty("version.hidden")
def what_was_created_in_a_version_is_in_all() -> Fault:
    """An object that was created in one version can be loaded in the others, and in the trunk.

    They can come to refer to what does not exist there, and may never.
    """

    def load(correct: Any, snapshot: OlderSharedSnapshot, oid: bytes) -> Any:
        try:
            return correct(snapshot, oid)
        except POSKeyError:
            return snapshot.storage.load(oid, snapshot.storage.modifiedInVersion(oid))

    return around(OlderSharedSnapshot, "load", load)


@faulty("version.locks")
def nothing_is_locked() -> Fault:
    """What a version holds is stored in other versions and in the trunk by whoever wants to.

    When the version is committed, what everybody could see meanwhile is overwritten.
    """

    def store(
        correct: Any, storage: TwoPhaseStorage, oid: bytes, serial: bytes, *more: Any
    ) -> None:
        newest = storage._history.newest(oid)
        if newest is not None and newest.version not in ("", more[1]):
            serial = newest.tid
        correct(storage, oid, serial, *more)

    return together(
        instead(TwoPhaseStorage, "_require_not_held", lambda *arguments: None),
        around(TwoPhaseStorage, "store", store),
    )


@faulty("version.locks")
def an_aborted_version_keeps_its_locks() -> Fault:
    """What an aborted version held stays locked.

    There is nothing left that somebody could end, so nobody can ever change the object.
    """
    held: set[bytes] = set()

    def abort_version(correct: Any, storage: VersionedStorage, src: str, meta: object) -> Any:
        tid, oids = correct(storage, src, meta)
        held.update(oids)
        return tid, oids

    def require_not_held(
        correct: Any, storage: TwoPhaseStorage, commit: Any, oid: bytes, version: str
    ) -> None:
        correct(storage, commit, oid, version)
        if oid in held:
            raise VersionLockError(oid, "what it was")

    return together(
        around(VersionedStorage, "abortVersion", abort_version),
        around(TwoPhaseStorage, "_require_not_held", require_not_held),
    )


@faulty("version.joins", also="transaction.commit-stores-changes")
def only_an_idle_database_ends_versions() -> Fault:
    """`commitVersion` is refused while any connection has changes.

    On a busy day no version is ever finished.
    """

    def commit_version(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> None:
        if any(each.joined is not None for each in db._pool.everyone()):
            raise VersionError("somebody is at work")
        correct(db, *arguments, **options)

    return around(DBOf2006, "commitVersion", commit_version)


@faulty("version.committed", also="record.value-comes-back")
def the_state_of_the_trunk_is_committed() -> Fault:
    """To commit a version stores the trunk's data again, and not the version's.

    Weeks of work are gone, and nobody has aborted anything.
    """

    def move(
        correct: Any, storage: VersionedStorage, commit: Any, src: str, choose: Any, dest: str
    ) -> Any:
        return correct(storage, commit, src, lambda state: state.trunk or choose(state), dest)

    return around(VersionedStorage, "_move", move)


@faulty("version.aborted")
def an_abort_goes_back_to_the_beginning() -> Fault:
    """An aborted version leaves its objects as they were when they were created.

    All that has ever been done to them in the trunk is taken back.
    """

    def move(
        correct: Any, storage: VersionedStorage, commit: Any, src: str, choose: Any, dest: str
    ) -> Any:
        def chosen(state: State) -> Any:
            found = choose(state)
            if found is None or found.version:
                return found
            revisions = storage._history.revisions(found.oid)
            first = next(each for each in revisions if not each.version)
            return storage._history.find(found.oid, just_after(first.tid), trunk=True)

        return correct(storage, commit, src, chosen, dest)

    return around(VersionedStorage, "_move", move)
