"""Versions: what connections in them show and store, and what others are told of it."""

import pytest
import transaction
from sample_objects import Item
from transaction.interfaces import TransactionFailedError
from versions import change, commit, ended, item, opened, shown
from zodb_reference import DB
from zodb_reference.errors import (
    ConflictError,
    ConnectionStateError,
    POSKeyError,
    ReadConflictError,
    VersionLockError,
)
from zodb_reference.oids import z64


@pytest.fixture(params=["memory", "sqlite"])
def db(request, tmp_path):
    """A database with versions, in memory or in a file."""
    path = None if request.param == "memory" else tmp_path / "data.sqlite"
    database = DB(path, edition="2006-08-16")
    yield database
    database.close()


@pytest.fixture
def trunk(db):
    """A connection in the trunk, which has stored two items, with x = 1."""
    connection = opened(db)
    item(connection, "one", 1)
    item(connection, "two", 1)
    return connection


@pytest.fixture
def draft(db, trunk):
    """A connection in the version "draft"."""
    return opened(db, "draft")


# What is shown, and where it is stored


def test_a_version_hides_the_trunk_from_those_who_are_in_it(db, trunk, draft):
    change(draft, "one", 2)
    change(trunk, "two", 3)
    assert shown(db, "one", "", "draft", "other") == [1, 2, 1]
    assert shown(db, "two", "", "draft", "other") == [3, 3, 3]


def test_what_is_held_by_a_version_is_stored_nowhere_else(db, trunk, draft):
    change(draft, "one", 2)
    for connection in trunk, opened(db, "other"):
        connection.root()["two"].x = 5
        connection.root()["one"].x = 5
        with pytest.raises(VersionLockError):
            commit(connection)
        with pytest.raises(TransactionFailedError):
            commit(connection)
        connection.transaction_manager.abort()
        assert connection.root()["one"].x == 1
    change(draft, "one", 3)
    assert shown(db, "one", "", "draft") == [1, 3]
    assert shown(db, "two", "", "draft") == [1, 1]


def test_an_object_that_a_version_created_is_not_there_for_others(db, trunk, draft):
    draft.root()["new"] = new = Item()
    commit(draft)
    for connection in trunk, opened(db), opened(db, mvcc=False), opened(db, "other"):
        with pytest.raises(POSKeyError):
            connection.get(new._p_oid)
    assert opened(db, "draft").get(new._p_oid)._p_changed is None


def test_an_object_that_a_version_created_comes_with_its_commit(db, trunk, draft):
    new = item(draft, "new", 5)
    trunk.transaction_manager.begin()
    ended(db.commitVersion, "draft")
    with pytest.raises(ReadConflictError):
        trunk.get(new._p_oid)
    trunk.sync()
    assert trunk.root()["new"].x == trunk.get(new._p_oid).x == 5


def test_a_savepoint_is_over_the_version(db, trunk, draft):
    change(draft, "one", 2)
    draft.root()["one"].x = 3
    draft.root()["new"] = new = Item()
    new.x = 1
    savepoint = draft.transaction_manager.savepoint()
    new.x = draft.root()["one"].x = 4
    draft.transaction_manager.savepoint()
    draft.cacheMinimize()
    assert (draft.root()["one"].x, draft.root()["new"].x) == (4, 4)
    savepoint.rollback()
    draft.cacheMinimize()
    assert (draft.root()["one"].x, draft.root()["two"].x, new.x) == (3, 1, 1)
    assert shown(db, "one", "", "draft") == [1, 2]
    commit(draft)
    assert shown(db, "one", "", "draft") == [1, 3]
    assert db.modifiedInVersion(new._p_oid) == "draft"


def test_reading_current_is_checked_in_the_version(db, draft):
    change(draft, "one", 2)
    draft.readCurrent(draft.root()["one"])
    draft.root()["two"].x = 2
    commit(draft)
    draft.readCurrent(draft.root()["one"])
    draft.root()["two"].x = 3
    change(opened(db, "draft"), "one", 4)
    with pytest.raises(ReadConflictError):
        commit(draft)


def test_what_was_read_of_the_trunk_is_not_current_once_the_version_has_changed_it(db, draft):
    assert draft.root()["one"].x == 1
    draft.readCurrent(draft.root()["one"])
    change(opened(db, "draft"), "one", 2)
    draft.root()["new"] = Item()
    with pytest.raises(ReadConflictError):
        commit(draft)


# Who is told of what


def test_a_commit_in_a_version_is_told_to_those_who_are_in_it_alone(db, trunk, draft):
    same, other = opened(db, "draft"), opened(db, "other")
    current = opened(db, mvcc=False)
    for each in same, other, current:
        assert len(each.root()) == 2
    change(draft, "one", 2)
    with pytest.raises(ReadConflictError):
        _ = same.root()["one"].x
    assert (other.root()["one"].x, current.root()["one"].x) == (1, 1)
    for each in other, current:
        each.transaction_manager.begin()
        assert each.root()["one"]._p_changed is False
        commit(each)
    same.transaction_manager.abort()
    assert same.root()["one"].x == 2


def test_a_commit_in_the_trunk_is_told_to_all(db, trunk, draft):
    others = draft, opened(db, "other"), opened(db, mvcc=False)
    for each in others:
        assert len(each.root()) == 2
    change(trunk, "one", 2)
    for each in others:
        with pytest.raises(ReadConflictError):
            _ = each.root()["one"].x
        with pytest.raises(ReadConflictError):
            commit(each)
        each.transaction_manager.abort()
        assert each.root()["one"].x == 2


@pytest.mark.parametrize(
    ("destination", "told", "shown_then"),
    [
        ("", {"", "draft", "final", "other"}, {"": 2, "draft": 2, "final": 2, "other": 2}),
        ("final", {"draft", "final"}, {"": 1, "draft": 1, "final": 2, "other": 1}),
    ],
)
def test_the_commit_of_a_version_is_told_to_both_sides(
    db, trunk, draft, destination, told, shown_then
):
    change(draft, "one", 2)
    readers = {version: opened(db, version, mvcc=False) for version in shown_then}
    for each in readers.values():
        assert len(each.root()) == 2
    ended(db.commitVersion, "draft", destination)
    for version, each in readers.items():
        if version in told:
            with pytest.raises(ReadConflictError):
                _ = each.root()["one"].x
            each.transaction_manager.abort()
        assert each.root()["one"].x == shown_then[version]
    assert db.modifiedInVersion(trunk.root()["one"]._p_oid) == destination


def test_the_abort_of_a_version_has_changed_what_is_in_it_alone(db, trunk, draft):
    change(draft, "one", 2)
    versions = ["", "draft", "other"]
    readers = {version: opened(db, version, mvcc=False) for version in versions}
    for each in readers.values():
        assert len(each.root()) == 2
    ended(db.abortVersion, "draft")
    assert readers[""].root()["one"].x == readers["other"].root()["one"].x == 1
    with pytest.raises(ReadConflictError):
        _ = readers["draft"].root()["one"].x
    assert shown(db, "one", *versions) == [1, 1, 1]


def test_after_the_abort_of_a_version_nobody_meets_a_needless_conflict(db, trunk, draft):
    others = trunk, opened(db, "other"), opened(db, mvcc=False)
    for each in others:
        assert each.root()["one"].x == 1
    for x, each in enumerate(others):
        change(draft, "one", -1)
        ended(db.abortVersion, "draft")
        each.transaction_manager.begin()
        change(each, "one", x)
        if each.getVersion():
            ended(db.commitVersion, each.getVersion())
        draft.sync()
    assert shown(db, "one", "", "draft") == [2, 2]


def test_what_ends_a_version_is_told_at_the_finish_and_not_before(db, trunk, draft):
    change(draft, "one", 2)
    manager = transaction.TransactionManager()
    readers = [opened(db, version, mvcc=False) for version in ("", "draft")]
    told = []

    class Last:
        """Reads when all have voted, and keeps the commit from being finished."""

        def sortKey(self):  # noqa: N802
            return "~"

        def tpc_vote(self, transaction):
            told.extend(each.root()["one"].x for each in readers)
            raise OSError("no more")

        def __getattr__(self, name):
            return lambda transaction: None

    for end in db.commitVersion, db.abortVersion:
        end("draft", txn=manager.get())
        manager.get().join(Last())
        with pytest.raises(OSError, match="no more"):
            manager.commit()
        manager.abort()
        for each in readers:
            commit(each)
            each.root()["one"]._p_deactivate()
    assert told == [1, 2, 1, 2]
    assert list(db.versions()) == ["draft"]


def test_several_versions_can_end_in_one_transaction(db, trunk, draft):
    change(draft, "one", 2)
    change(opened(db, "other"), "two", 2)
    manager = transaction.TransactionManager()
    db.commitVersion("draft", txn=manager.get())
    savepoint = manager.savepoint()
    db.commitVersion("other", "third", txn=manager.get())
    savepoint.rollback()
    db.abortVersion("other", txn=manager.get())
    manager.commit()
    assert list(db.versions()) == []
    assert shown(db, "one", "", "draft") == [2, 2]
    assert shown(db, "two", "", "other", "third") == [1, 1, 1]


def test_an_ending_that_was_aborted_does_not_take_place(db, draft):
    change(draft, "one", 2)
    manager = transaction.TransactionManager()
    db.commitVersion("draft", txn=manager.get())
    manager.abort()
    manager.commit()
    assert list(db.versions()) == ["draft"]


def test_a_version_ends_in_the_transaction_of_the_thread_where_none_is_given(db, draft):
    change(draft, "one", 2)
    db.commitVersion("draft")
    assert list(db.versions()) == ["draft"]
    transaction.commit()
    assert list(db.versions()) == []
    draft.sync()
    change(draft, "one", 3)
    db.abortVersion("draft")
    transaction.commit()
    assert shown(db, "one", "", "draft") == [2, 2]


def test_conflicts_in_a_version_are_those_of_the_trunk(db, draft):
    first, second = opened(db, "draft"), opened(db, "draft")
    stale = second.root()["one"]
    assert stale.x == 1
    change(first, "one", 2)
    stale.x = 3
    with pytest.raises(ConflictError):
        commit(second)
    second.transaction_manager.abort()
    change(second, "one", 3)
    assert shown(db, "one", "", "draft") == [1, 3]


# Groups


@pytest.fixture
def databases():
    """Two databases of one collection, "1" and "2", with an item each."""
    collection = {}
    for name in "12":
        DB(edition="2006-08-16", databases=collection, database_name=name)
        item(opened(collection[name]), "one", 1)
    yield collection
    for database in list(collection.values()):
        database.close()


def test_a_group_is_in_one_version(databases):
    primary = opened(databases["1"], "draft", mvcc=False, synch=False)
    secondary = primary.get_connection("2")
    assert secondary.getVersion() == "draft"
    assert secondary.options == {"mvcc": False, "synch": False}
    primary.root()["one"].x = secondary.root()["one"].x = 2
    commit(primary)
    for db in databases.values():
        assert shown(db, "one", "", "draft") == [1, 2]


def test_a_group_in_a_version_is_kept_apart_from_one_in_the_trunk(databases):
    connections = []
    for version in "draft", "":
        primary = opened(databases["1"], version)
        connections.append(primary.get_connection("2"))
        primary.close()
    assert opened(databases["1"]).get_connection("2") is connections[1]
    assert opened(databases["1"], "draft").get_connection("2") is connections[0]


def test_a_cross_reference_is_followed_within_the_version(databases):
    primary = opened(databases["1"], "draft")
    target = primary.get_connection("2").root()["one"]
    target.x = 2
    primary.root()["one"].target = target
    commit(primary)
    again = opened(databases["1"], "draft")
    assert again.root()["one"].target.x == 2
    assert again.root()["one"].target._p_jar.getVersion() == "draft"
    assert not hasattr(opened(databases["1"]).root()["one"], "target")


def test_versions_of_two_databases_end_together(databases):
    primary = opened(databases["1"], "draft")
    for name in "12":
        primary.get_connection(name).root()["one"].x = 2
    commit(primary)
    manager = transaction.TransactionManager()
    for db in databases.values():
        db.commitVersion("draft", txn=manager.get())
    manager.commit()
    assert [shown(db, "one", "", "draft") for db in databases.values()] == [[2, 2], [2, 2]]
    assert databases["1"].half_commits() == []


def test_a_group_in_a_version_has_no_member_without_versions(databases):
    storage = pytest.importorskip("ZODB.MappingStorage").MappingStorage()
    DB(storage, edition="2006-08-16", databases=databases, database_name="3")
    primary = opened(databases["1"], "draft")
    with pytest.raises(ValueError, match="has no versions"):
        primary.get_connection("3")
    assert opened(databases["1"]).get_connection("3").getVersion() == ""
    assert set(primary.connections) == {"1"}


# What a connection says


def test_a_connection_is_in_one_version_for_life(db, trunk, draft):
    assert (trunk.getVersion(), draft.getVersion()) == ("", "draft")
    draft.close()
    assert draft.getVersion() == "draft"
    assert opened(db, "draft") is draft
    assert opened(db, "other") is not draft


def test_a_connection_that_was_given_up_is_in_no_version(db, draft):
    db.removeVersionPool("draft")
    assert draft.getVersion() == "draft"
    draft.close()
    with pytest.raises(ConnectionStateError, match="given up"):
        draft.getVersion()


def test_a_new_object_is_going_to_be_in_the_version_of_its_connection(trunk, draft):
    for connection in trunk, draft:
        connection.add(new := Item())
        assert connection.modifiedInVersion(new._p_oid) == connection.getVersion()
        assert connection.modifiedInVersion(z64) == ""
        connection.transaction_manager.abort()


def test_undo_is_told_to_the_version_and_to_the_trunk(db, trunk, draft):
    change(draft, "one", 2)
    ended(db.commitVersion, "draft")
    readers = [opened(db, version) for version in ("", "draft")]
    assert [each.root()["one"].x for each in readers] == [2, 2]
    ended(db.undo, db.undoLog()[0]["id"])
    for each in readers:
        each.sync()
    assert [each.root()["one"].x for each in readers] == [1, 2]
    with pytest.raises(VersionLockError):
        change(readers[0], "one", 3)


def test_history_tells_the_versions(db, trunk, draft):
    oid = change(draft, "one", 2)._p_oid
    assert [each["version"] for each in db.history(oid, "draft", 5)] == ["draft", ""]
    assert [each["version"] for each in db.history(oid, "", 5)] == [""]
    assert [each["version"] for each in db.history(oid, size=5)] == ["draft", ""]
    assert len(db.history(oid, 5)) == 2
    assert len(db.history(oid)) == 1
    assert all(isinstance(each["description"], str) for each in db.history(oid, 5))
