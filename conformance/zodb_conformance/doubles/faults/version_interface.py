"""Faults in versions: in what a connection in one of them shows, and in whom it locks out."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.db_of_2006 import DBOf2006
from zodb_reference.errors import ConflictError, POSKeyError, VersionLockError
from zodb_reference.oids import maxtid
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.versioning import VersionedStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, edition="2006-08-16")


@faulty("version.of-a-connection")
def a_connection_forgets_its_version_when_it_is_closed() -> Fault:
    """A connection that is opened again says that it is in no version.

    A program that looks where it is before it changes something changes the wrong thing.
    """

    def leave(correct: Any, connection: ConnectionOf2006) -> None:
        correct(connection)
        vars(connection)["was_closed"] = True

    def get_version(correct: Any, connection: ConnectionOf2006) -> str:
        version: str = correct(connection)
        return "" if "was_closed" in vars(connection) else version

    return together(
        around(ConnectionOf2006, "leave", leave),
        around(ConnectionOf2006, "getVersion", get_version),
    )


@faulty("version.places-of-arguments")
def the_transaction_comes_before_the_destination() -> Fault:
    """`commitVersion` takes the transaction as its second argument, and the destination as the
    third.

    What was written for this interface hands over a transaction as the name of a version.
    """

    def commit_version(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> None:
        correct(db, arguments[0], *reversed(arguments[1:]), **options)

    return around(DBOf2006, "commitVersion", commit_version)


@faulty("version.empty-name-is-the-trunk")
def the_empty_name_is_no_name() -> Fault:
    """A connection that was opened with the empty name says that it has none, rather than this one.

    A program that compares what `getVersion` gives takes it for one in a version.
    """

    def open_connection(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> Any:
        connection = correct(db, *arguments, **options)
        vars(connection)["had_no_name"] = options.get("version") == ""
        return connection

    def get_version(correct: Any, connection: ConnectionOf2006) -> str | None:
        version: str = correct(connection)
        return None if vars(connection).get("had_no_name") else version

    return together(
        around(DBOf2006, "open", open_connection),
        around(ConnectionOf2006, "getVersion", get_version),
    )


@faulty("version.any-text-is-a-name")
def case_does_not_count_in_names() -> Fault:
    """Names of versions that differ in capital letters are one.

    Two people who have chosen their names with care work in one version.
    """

    def open_connection(
        correct: Any, db: DBOf2006, version: Any = "", *more: Any, **options: Any
    ) -> Any:
        name = version.lower() if isinstance(version, str) else version
        return correct(db, name, *more, **options)

    return around(DBOf2006, "open", open_connection)


@faulty("version.only-text-is-a-name")
def what_is_not_text_is_written_out() -> Fault:
    """A version can have any object as its name, and its text is taken for it.

    A program that gives something else by mistake works in a version of which nobody knows.
    """

    def open_connection(
        correct: Any, db: DBOf2006, version: Any = "", *more: Any, **op: Any
    ) -> Any:
        return correct(db, version if isinstance(version, str) else str(version), *more, **op)

    return around(DBOf2006, "open", open_connection)


@faulty("version.only-text-is-a-name")
def what_is_not_text_holds_something() -> Fault:
    """A version whose name is not text is never empty.

    A program that waits until nobody works in it waits for ever.
    """

    def version_empty(correct: Any, db: DBOf2006, version: Any) -> bool:
        return isinstance(version, str) and bool(correct(db, version))

    return around(DBOf2006, "versionEmpty", version_empty)


@faulty("version.over-the-trunk")
def a_version_that_holds_nothing_shows_another() -> Fault:
    """A connection in a version that holds nothing shows what another version has made of objects.

    Whoever begins a version of his own begins in the middle of somebody else's.
    """

    def load_current(correct: Any, snapshot: OlderSharedSnapshot, oid: bytes) -> Any:
        storage, version = snapshot.storage, snapshot.version
        found = correct(snapshot, oid)
        return (
            storage.load(oid, storage.modifiedInVersion(oid))
            if version and storage.versionEmpty(version)
            else found
        )

    return around(OlderSharedSnapshot, "load_current", load_current)


@faulty("version.newest-tid")
def the_trunk_keeps_its_tid() -> Fault:
    """`load` of a storage gives the trunk's own tid with the data of the trunk.

    A store that was made from it is in conflict, once the version has ended.
    """

    def load(correct: Any, storage: VersionedStorage, oid: bytes, version: str = "") -> Any:
        data, tid = correct(storage, oid, version)
        found = storage.loadBefore(oid, maxtid)
        if found is not None and storage.modifiedInVersion(oid) != version:
            tid = found[1]
        return data, tid

    return around(ReadableStorage, "load", load)


@faulty("version.no-part-of-the-past")
def a_version_has_a_past() -> Fault:
    """`loadSerial` of a storage gives what a version had, where it is asked for its tid.

    The state from which a conflict is resolved is one that only some can see.
    """

    def load_serial(correct: Any, storage: VersionedStorage, oid: bytes, serial: bytes) -> Any:
        data, tid = storage.load(oid, storage.modifiedInVersion(oid))
        return data if tid == serial else correct(storage, oid, serial)

    return around(ReadableStorage, "loadSerial", load_serial)


@faulty("version.refused-by-a-lock")
def other_versions_take_what_is_locked() -> Fault:
    """A lock keeps the trunk out, and no other version.

    What somebody has done in a version belongs to another one from then on.
    """

    def require_not_held(
        correct: Any, storage: TwoPhaseStorage, commit: Any, oid: bytes, version: str
    ) -> None:
        if not version:
            correct(storage, commit, oid, version)

    return around(TwoPhaseStorage, "_require_not_held", require_not_held)


class TransientLockError(VersionLockError, ConflictError):
    """A lock that passes for a conflict."""

    def __init__(self) -> None:
        ConflictError.__init__(self)


@faulty("version.lock-is-not-transient")
def a_lock_is_a_conflict() -> Fault:
    """The error of a lock is one of those after which it is worth while to try again.

    A program that does so hammers at the database for days.
    """

    def require_not_held(
        correct: Any, storage: TwoPhaseStorage, commit: Any, oid: bytes, version: str
    ) -> None:
        try:
            correct(storage, commit, oid, version)
        except VersionLockError as error:
            raise TransientLockError from error

    return around(TwoPhaseStorage, "_require_not_held", require_not_held)


@faulty("version.conflict-within", also="version.merging-loses-nothing")
def the_last_one_wins_in_a_version() -> Fault:
    """In a version nobody looks whether a change was made from the newest revision.

    Two people who work at one plan take each other's work away, and nobody notices.
    """

    def store(
        correct: Any,
        storage: VersionedStorage,
        oid: bytes,
        serial: bytes,
        data: bytes,
        version: str,
        meta: object,
    ) -> None:
        with suppress(POSKeyError):
            if version and storage.modifiedInVersion(oid) == version:
                serial = storage.getTid(oid)
        correct(storage, oid, serial, data, version, meta)

    return around(TwoPhaseStorage, "store", store)


def _merging_with_the_trunk(*, committed_too: bool) -> Fault:
    """The fault that what a version has is merged with states that `loadSerial` finds: the old one,
    or the committed one as well.
    """

    def resolve(
        correct: Any,
        storage: VersionedStorage,
        oid: bytes,
        committed_serial: bytes,
        serial: bytes,
        old: bytes | None,
        committed: bytes | None,
        new: bytes,
    ) -> Any:
        if storage.modifiedInVersion(oid):
            old = storage.loadSerial(oid, serial)
            if committed_too:
                committed = storage.loadSerial(oid, committed_serial)
        return correct(storage, oid, committed_serial, serial, old, committed, new)

    return around(TwoPhaseStorage, "_resolve", resolve)


@faulty("version.merging-loses-nothing")
def the_trunk_is_merged_with_the_version() -> Fault:
    """What is merged in a version are the old state of the trunk and the committed one of the
    version.

    What has been added in the version since it began is added a second time.
    """
    return _merging_with_the_trunk(committed_too=False)


@faulty("version.merging-loses-nothing")
def a_version_is_merged_by_the_trunk_alone() -> Fault:
    """What is merged in a version are states of the trunk, as `loadSerial` finds them.

    What others have added in the version meanwhile is taken back.
    """
    return _merging_with_the_trunk(committed_too=True)
