"""Faults of versions in company: savepoints, pools and caches, groups, undo, pack and history."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import Any

from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.connections import Connection
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.db_of_2006 import DBOf2006
from zodb_reference.errors import VersionLockError
from zodb_reference.groups import Group
from zodb_reference.participant import Participant
from zodb_reference.pool import ConnectionPool
from zodb_reference.reading import RecordReader
from zodb_reference.storages import packing, undoing
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.reading import ReadableStorage
from zodb_reference.storages.states import State
from zodb_reference.views import CURRENT, View

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, together

faulty = partial(double, edition="2006-08-16")


def after_savepoint(store: Any) -> Fault:
    """The fault that records are stored otherwise, once a savepoint was made."""

    def savepoint(correct: Any, connection: ConnectionOf2006) -> Any:
        made = correct(connection)
        vars(connection._snapshot)["saved"] = True
        return made

    def store_saved(correct: Any, snapshot: OlderSharedSnapshot, *items: Any) -> None:
        if "saved" in vars(snapshot):
            store(correct, snapshot, *items)
        else:
            correct(snapshot, *items)

    return together(
        around(Participant, "savepoint", savepoint),
        around(OlderSharedSnapshot, "store", store_saved),
    )


@faulty("version.savepoint")
def what_was_saved_is_stored_in_the_trunk() -> Fault:
    """A transaction with savepoints is stored in the trunk, whatever version the connection is in.

    What was to be tried out is there for everybody.
    """

    def store(correct: Any, snapshot: OlderSharedSnapshot, *items: Any) -> None:
        version, snapshot.version = snapshot.version, ""
        try:
            correct(snapshot, *items)
        finally:
            snapshot.version = version

    return after_savepoint(store)


@faulty("version.savepoint-over-the-version")
def behind_a_savepoint_is_the_trunk() -> Fault:
    """While savepoint data is pending, a connection in a version loads what the trunk has.

    The next change brings the trunk's state into the version.
    """

    def load_committed(correct: Any, connection: ConnectionOf2006, oid: bytes) -> Any:
        if connection._scratch is not None:
            return connection._snapshot.storage.load(oid, "")
        return correct(connection, oid)

    return around(ConnectionOf2006, "_load_committed", load_committed)


@faulty("version.savepoint-and-lock")
def what_is_locked_is_left_out() -> Fault:
    """What a savepoint has saved of an object that is locked elsewhere is not stored, and nobody is
    told.

    The change is lost, and the program believes it committed.
    """

    def store(correct: Any, snapshot: OlderSharedSnapshot, *items: Any) -> None:
        with suppress(VersionLockError):
            correct(snapshot, *items)

    return after_savepoint(store)


@faulty("version.own-pool")
def versions_share_a_pool() -> Fault:
    """A connection that was closed in one version is opened in another, if there is none for it.

    What the one has loaded is shown in the other, and changed there.
    """

    def take(correct: Any, pool: ConnectionPool, view: View = CURRENT, **options: Any) -> Any:
        others = [other for other in [*pool._shelves] if view.version and other.version]
        found = (correct(pool, each, **options) for each in (view, *others))
        return next((connection for connection in found if connection is not None), None)

    return around(ConnectionPool, "take", take)


@faulty("version.sizes-where-nothing-is-said")
def what_is_set_for_versions_is_set_for_all() -> Fault:
    """The number of connections that is set for versions holds for the trunk from then on.

    A database with many users keeps the connections of three.
    """

    def set_version_pool_size(correct: Any, db: DBOf2006, size: int) -> None:
        correct(db, size)
        db.setPoolSize(size)

    return around(DBOf2006, "setVersionPoolSize", set_version_pool_size)


@faulty("version.sizes-given")
def a_size_that_is_given_does_not_count() -> Fault:
    """The option `version_cache_size` is taken, and does nothing.

    The caches of many versions fill the memory.
    """

    def init(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> None:
        options.pop("version_cache_size", None)
        correct(db, *arguments, **options)

    return around(DBOf2006, "__init__", init)


def only_reported(what: str) -> Fault:
    """The fault that a size that is set is told when it is asked for, and does nothing."""

    def set_size(correct: Any, db: DBOf2006, size: int) -> None:
        vars(db)[what] = size

    def get_size(correct: Any, db: DBOf2006) -> int:
        size: int = vars(db).get(what) or correct(db)
        return size

    return together(
        around(DBOf2006, f"set{what}", set_size), around(DBOf2006, f"get{what}", get_size)
    )


@faulty("version.pool-size")
def pools_of_versions_do_not_shrink() -> Fault:
    """To set how many connections are expected in a version does not change how many are kept.

    What a program does to save memory is in vain.
    """
    return only_reported("VersionPoolSize")


@faulty("version.cache-size")
def caches_of_versions_do_not_shrink() -> Fault:
    """To set the size of the caches in versions does not change what they keep.

    What a program does to save memory is in vain.
    """
    return only_reported("VersionCacheSize")


@faulty("version.pool-forgotten")
def a_pool_without_users_is_kept() -> Fault:
    """`removeVersionPool` does nothing where no connection is open in the version.

    The caches of versions that were given up long ago stay in memory.
    """

    def remove_version_pool(correct: Any, db: DBOf2006, version: str) -> None:
        members = [each for each in db._pool.everyone() if each.view.version == version]
        if any(each.opened is not None for each in members):
            correct(db, version)

    return around(DBOf2006, "removeVersionPool", remove_version_pool)


@faulty("version.pool-forgotten-while-open")
def who_is_out_of_the_pool_is_not_told() -> Fault:
    """A connection whose pool was forgotten learns nothing from then on of what others commit.

    It shows what is out of date for as long as it is open.
    """

    def remove_version_pool(correct: Any, db: DBOf2006, version: str) -> None:
        members = [each for each in db._pool.everyone() if each.view.version == version]
        correct(db, version)
        for each in members:
            vars(each)["is_forgotten"] = True

    def pass_boundary(correct: Any, connection: ConnectionOf2006) -> None:
        if "is_forgotten" not in vars(connection):
            correct(connection)

    return together(
        around(DBOf2006, "removeVersionPool", remove_version_pool),
        around(ConnectionOf2006, "_pass_boundary", pass_boundary),
    )


class _InTheTrunk:
    """A connection as it would be if it was in the trunk."""

    view = CURRENT

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def opened_in_the_trunk(by_readers: bool) -> Fault:
    """The fault that a connection in a version opens others of its group in the trunk.

    by_readers: when it follows a reference, or else when the program asks for one
    """
    reading: list[str] = []

    def load(correct: Any, reader: RecordReader, *items: Any) -> Any:
        reading.append("")
        try:
            return correct(reader, *items)
        finally:
            reading.pop()

    def get_connection(correct: Any, group: Group, member: Any, name: str) -> Any:
        wrong = bool(reading) == by_readers
        return correct(group, _InTheTrunk(member) if wrong else member, name)

    return together(
        around(RecordReader, "set_state", load), around(Group, "get_connection", get_connection)
    )


@faulty("version.group", also="version.group-ends-one-by-one")
def a_group_is_half_in_the_version() -> Fault:
    """`get_connection` of a connection in a version opens one in the trunk.

    Half of what should have been tried out is there for everybody.
    """
    return opened_in_the_trunk(by_readers=False)


@faulty("version.group-references")
def a_reference_leads_out_of_the_version() -> Fault:
    """A reference into another database leads from a version into the trunk.

    Objects that were changed together are shown in two states.
    """
    return opened_in_the_trunk(by_readers=True)


@faulty("version.group-ends-one-by-one")
def a_version_ends_in_all_databases() -> Fault:
    """To commit a version in one database commits what has the same name in the others.

    Whoever works at something there, under a name that he takes for his own, is not asked.
    """

    def commit_version(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> None:
        for each in [*db.databases.values()]:
            correct(each, *arguments, **options)

    return around(DBOf2006, "commitVersion", commit_version)


def undone_otherwise(change: Any) -> Fault:
    """The fault that other records are stored to undo what was done to an object.

    change: gives them, of three states of the object; None where they are right
    """

    def reversal(correct: Any, before: State, after: State, now: State) -> Any:
        found = change(before, after, now)
        return correct(before, after, now) if found is None else found

    return around(undoing, "reversal", reversal)


@faulty("version.undo-inside")
def an_undone_change_is_in_the_trunk() -> Fault:
    """To undo a change in a version puts what the version had before into the trunk.

    Everybody sees what was not public, and the lock is gone.
    """

    def change(before: State, after: State, now: State) -> Any:
        if before.newest is None or not before.version or before.version != after.version:
            return None
        return (before.newest._replace(version=""),)

    return undone_otherwise(change)


@faulty("version.undo-of-the-first-change")
def what_was_undone_stays_locked() -> Fault:
    """To undo the first change of an object in a version leaves the object to the version.

    Nobody else can change it, and nobody knows why.
    """

    def change(before: State, after: State, now: State) -> Any:
        if before.newest is None or before.version or not after.version == now.version != "":
            return None
        return (before.newest._replace(version=after.version),)

    return undone_otherwise(change)


@faulty("version.undo-of-an-ending")
def a_version_that_has_ended_stays_ended() -> Fault:
    """To undo the commit or the abort of a version does not bring it back.

    What it held is in the trunk, and nothing is locked.
    """

    def change(before: State, after: State, now: State) -> Any:
        if before.newest is None or not before.version or after.version:
            return None
        return (before.newest._replace(version=""),)

    return undone_otherwise(change)


@faulty("version.undo-elsewhere-refused")
def what_has_moved_is_left_out_of_an_undo() -> Fault:
    """An undo leaves out what is not in the version any more in which it was changed.

    The program is told that the change was undone, and it was not.
    """
    return undone_otherwise(lambda before, after, now: () if now.version != after.version else None)


@faulty("version.history")
def history_tells_of_all_versions() -> Fault:
    """`history` lists what was done in any version, whatever version it is asked for.

    Who has no business with a version can see how it came about.
    """

    def history(
        correct: Any, storage: ReadableStorage, oid: bytes, version: Any = None, size: int = 1
    ) -> Any:
        if isinstance(version, int):
            return correct(storage, oid, version)
        return correct(storage, oid, None, size)

    return around(ReadableStorage, "history", history)


@faulty("version.pack")
def a_pack_forgets_what_a_version_hides() -> Fault:
    """A pack removes the trunk's state of what a version holds.

    The trunk can't be read while the version is there, and has lost the object when it is aborted.
    """

    def superseded(correct: Any, revisions: Any, upto: bytes) -> Any:
        before = [one for one in revisions if one.tid <= upto]
        return before[:-1] if before and before[-1].version else correct(revisions, upto)

    return around(packing, "superseded", superseded)


@faulty("version.pack")
def a_pack_collects_what_versions_refer_to() -> Fault:
    """A pack takes for garbage what can be reached through the records of versions alone.

    What was created in a version is gone before anybody else has seen it.
    """

    def staying(correct: Any, storage: PackableStorage, oid: bytes, upto: bytes) -> Any:
        found = correct(storage, oid, upto)
        newest = storage._history.find(oid)
        hidden = newest.data if newest is not None and newest.version else None
        return [data for data in found if data != hidden]

    return around(PackableStorage, "_staying", staying)
