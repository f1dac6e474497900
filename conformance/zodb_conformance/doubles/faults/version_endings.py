"""Faults in how versions end: committed to the trunk or into another version, or aborted."""

from __future__ import annotations

from functools import partial
from typing import Any

from transaction import Transaction, TransactionManager
from zodb_reference.current_reads import OlderSharedSnapshot
from zodb_reference.databasework import DatabaseWork
from zodb_reference.db_of_2006 import DBOf2006
from zodb_reference.errors import VersionCommitError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.storages.states import State
from zodb_reference.storages.twophase import TwoPhaseStorage
from zodb_reference.storages.versioning import VersionedStorage

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together

faulty = partial(double, edition="2006-08-16")


@faulty("version.ending-in-the-thread")
def a_version_is_committed_at_once() -> Fault:
    """Where it is given no transaction, `commitVersion` commits the version in one of its own.

    The thread's transaction may be aborted, and everybody has seen what it was about to do.
    """

    def commit_version(correct: Any, db: DBOf2006, *arguments: Any, **options: Any) -> None:
        manager = TransactionManager()
        correct(db, *arguments, **{"txn": manager.get(), **options})
        manager.commit()

    return around(DBOf2006, "commitVersion", commit_version)


def do_now(work: DatabaseWork) -> None:
    """Do what a database is asked for in a storage transaction of its own."""
    snapshot, meta = work._new_snapshot(), TransactionMetaData("", "", {})
    snapshot.begin(meta)
    try:
        news = [task(snapshot, meta) for task in work.tasks]
        snapshot.vote(meta)
    except BaseException:
        snapshot.abort(meta)
        raise
    snapshot.finish_with(meta, news)


@faulty("version.ending-failed")
def a_version_ends_when_the_commit_begins() -> Fault:
    """Where others take part in the transaction, a version is committed or aborted for good as soon
    as the commit begins.

    When somebody else who takes part in it fails, it has ended all the same.
    """

    def tpc_begin(correct: Any, work: DatabaseWork, txn: Transaction) -> None:
        if len(txn._resources) > 1 and not has_changes(txn):
            do_now(work)
        correct(work, txn)

    return around(DatabaseWork, "tpc_begin", tpc_begin)


def has_changes(txn: Transaction) -> bool:
    """Whether a connection takes part in a transaction."""
    return any(hasattr(member, "get_connection") for member in txn._resources)


@faulty("version.ending-with-changes")
def versions_end_although_changes_are_refused() -> Fault:
    """Where a transaction ends versions and has changes as well, it is refused, and the versions
    have ended.

    Half of what belongs together is done.
    """

    def tpc_begin(correct: Any, work: DatabaseWork, txn: Transaction) -> None:
        if has_changes(txn):
            do_now(work)
        correct(work, txn)

    return together(
        around(DatabaseWork, "tpc_begin", tpc_begin),
        instead(DatabaseWork, "sortKey", lambda work: ""),
    )


@faulty("version.storage-tells-what-it-ends")
def the_storage_gives_an_older_tid() -> Fault:
    """`commitVersion` of a storage gives the tid of the transaction before.

    Who keeps what it has of the database elsewhere believes to have everything.
    """

    def commit_version(correct: Any, storage: VersionedStorage, *arguments: Any) -> Any:
        _, oids = correct(storage, *arguments)
        return storage.lastTransaction(), oids

    return around(VersionedStorage, "commitVersion", commit_version)


@faulty("version.commit-is-one-transaction")
def the_last_object_is_left_out() -> Fault:
    """A version that is committed to the trunk keeps the object that was changed in it last.

    Everybody sees a state of the database that there has never been, and the object stays locked.
    """

    def commit_version(
        correct: Any, storage: VersionedStorage, src: str, dest: str, meta: object
    ) -> Any:
        tid, oids = correct(storage, src, dest, meta)
        in_trunk = [storage._history.find(oid, trunk=True) for oid in oids]
        if not dest and len(oids) > 1 and all(in_trunk):
            assert storage._commit is not None
            del storage._commit.records[oids.pop()]
        return tid, oids

    return around(VersionedStorage, "commitVersion", commit_version)


@faulty("version.committed-elsewhere")
def a_version_may_take_back_what_it_gave() -> Fault:
    """What was committed from one version into another is not locked for the first.

    It is in both, and the last one to be committed wins.
    """
    came_from: dict[bytes, str] = {}

    def commit_version(
        correct: Any, storage: VersionedStorage, src: str, dest: str, meta: object
    ) -> Any:
        tid, oids = correct(storage, src, dest, meta)
        came_from.update(dict.fromkeys(oids, src))
        return tid, oids

    def require_not_held(
        correct: Any, storage: TwoPhaseStorage, commit: Any, oid: bytes, version: str
    ) -> None:
        if came_from.get(oid) != version:
            correct(storage, commit, oid, version)

    return together(
        around(VersionedStorage, "commitVersion", commit_version),
        around(TwoPhaseStorage, "_require_not_held", require_not_held),
    )


@faulty("version.commit-refused")
def a_version_is_committed_into_itself() -> Fault:
    """To commit a version into itself is a success.

    The program has mixed up two names, and believes the work to be where it should be.
    """

    def commit_version(
        correct: Any, db: DBOf2006, source: Any, destination: Any = "", txn: Any = None
    ) -> None:
        if source != destination:
            correct(db, source, destination, txn)

    return around(DBOf2006, "commitVersion", commit_version)


@faulty("version.abort-refused")
def to_abort_the_trunk_is_a_success() -> Fault:
    """`abortVersion` does nothing for the empty name, and says nothing.

    A program that has lost the name believes that the version is gone, and its locks stay.
    """

    def abort_version(correct: Any, db: DBOf2006, version: Any, txn: Any = None) -> None:
        if version != "":
            correct(db, version, txn)

    return around(DBOf2006, "abortVersion", abort_version)


@faulty("version.ending-of-nothing")
def what_holds_nothing_can_not_be_committed() -> Fault:
    """A version that holds nothing can't be committed.

    Programs that commit what may have been changed fail whenever nothing was.
    """

    def commit_version(
        correct: Any, storage: VersionedStorage, src: str, dest: str, meta: object
    ) -> Any:
        if storage.versionEmpty(src):
            raise VersionCommitError(f"there is nothing in {src!r}")
        return correct(storage, src, dest, meta)

    return around(VersionedStorage, "commitVersion", commit_version)


@faulty("version.created-and-committed", also="version.no-reference-to-what-has-gone")
def what_was_created_comes_into_the_trunk() -> Fault:
    """What was created in a version is in the trunk, when this is committed into another version.

    There is an object to which nothing leads, and whoever can guess its oid reads what is not
    public.
    """

    def commit_version(
        correct: Any, storage: VersionedStorage, src: str, dest: str, meta: object
    ) -> Any:
        tid, oids = correct(storage, src, dest, meta)
        assert storage._commit is not None
        for oid in oids:
            if storage._history.find(oid, trunk=True) is None:
                records = storage._commit.records
                records[oid] = tuple(record._replace(version="") for record in records[oid])
        return tid, oids

    return around(VersionedStorage, "commitVersion", commit_version)


@faulty("version.created-and-aborted", also="version.no-reference-to-what-has-gone")
def what_was_created_outlives_the_version() -> Fault:
    """What was created in a version that is aborted is in the trunk from then on.

    The database fills with what nobody wanted, and nobody can reach.
    """

    def move(
        correct: Any, storage: VersionedStorage, commit: Any, src: str, choose: Any, dest: str
    ) -> Any:
        def chosen(state: State) -> Any:
            return choose(state) or state.newest  # where the trunk has none

        return correct(storage, commit, src, chosen, dest)

    return around(VersionedStorage, "_move", move)


@faulty("version.no-reference-to-what-has-gone")
def who_refers_to_what_has_gone_is_not_stopped() -> Fault:
    """A reference is stored to an object that has gone with the end of its version.

    Whoever follows it finds nothing, for good.
    """
    return instead(OlderSharedSnapshot, "_require_referents", lambda snapshot: None)
