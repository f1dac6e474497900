"""The database of the edition of 2006: its options, its pools, and what it refuses."""

import logging

import pytest
import transaction
from sample_objects import Item
from versions import change, commit, ended, item, opened
from zodb_reference import DB
from zodb_reference.connection_of_2006 import ConnectionOf2006
from zodb_reference.db_of_2006 import DBOf2006
from zodb_reference.errors import (
    ConflictError,
    ConnectionStateError,
    POSKeyError,
    ReadConflictError,
    StorageTransactionError,
    VersionCommitError,
    VersionError,
)
from zodb_reference.oids import z64
from zodb_reference.storages import MemoryStorage, SQLiteStorage

EDITION = "2006-08-16"


@pytest.fixture
def make():
    """Open databases of the edition."""
    opened_ones = []

    def make(*arguments, **options):
        opened_ones.append(DB(*arguments, edition=EDITION, **options))
        return opened_ones[-1]

    yield make
    for db in opened_ones:
        db.close()


@pytest.fixture
def db(make):
    """A database of the edition in memory."""
    return make()


@pytest.fixture(params=["memory", "sqlite", "ZODB's MappingStorage", "ZODB's FileStorage"])
def without(request, make, tmp_path):
    """A database of the edition over a storage without versions."""
    if request.param == "memory":
        return make(MemoryStorage())
    if request.param == "sqlite":
        return make(SQLiteStorage(tmp_path / "data.sqlite"))
    if request.param == "ZODB's MappingStorage":
        return make(pytest.importorskip("ZODB.MappingStorage").MappingStorage())
    return make(pytest.importorskip("ZODB.FileStorage").FileStorage(str(tmp_path / "Data.fs")))


# Which database it is


def test_a_database_of_the_edition_is_of_its_class(db):
    assert type(db) is DBOf2006
    assert type(db.open()) is ConnectionOf2006
    assert type(DB()) is DB
    assert DBOf2006(edition=EDITION).supportsVersions()


def test_what_is_made_for_the_edition_has_versions(make, tmp_path):
    assert make().supportsVersions()
    assert make(tmp_path / "data.sqlite").supportsVersions()
    assert make(str(tmp_path / "other.sqlite")).supportsVersions()
    assert not make(MemoryStorage()).supportsVersions()


@pytest.mark.parametrize(
    "option", ["pool_timeout", "historical_pool_size", "historical_cache_size"]
)
def test_options_of_today_are_refused(make, option):
    with pytest.raises(TypeError, match=f"{option}: there is no such option in the edition"):
        make(**{option: 5})


@pytest.mark.parametrize("option", ["version_pool_size", "version_cache_size"])
def test_options_of_the_edition_are_refused_today(option):
    with pytest.raises(TypeError, match=option):
        DB(**{option: 5})


@pytest.mark.parametrize("option", ["at", "before"])
def test_there_is_no_past_to_be_opened(db, option):
    with pytest.raises(TypeError, match=option):
        db.open(**{option: db.lastTransaction()})


@pytest.mark.parametrize("option", ["version", "mvcc", "synch"])
def test_there_are_no_such_openings_today(option):
    with pytest.raises(TypeError, match=option):
        DB().open(**{option: ""})


# Pools and caches


def test_each_version_has_a_pool(db):
    connections = {name: opened(db, name) for name in ("", "a", "b")}
    for connection in connections.values():
        connection.close()
    assert {name: opened(db, name) for name in ("b", "", "a")} == connections


def test_the_pool_of_a_version_has_a_size_of_its_own(make, caplog):
    db = make(version_pool_size=1)
    assert make().getVersionPoolSize() == 3
    assert db.getVersionPoolSize() == 1
    with caplog.at_level(logging.WARNING):
        kept = [opened(db, name) for name in ("", "", "", "a", "b")]
        assert not caplog.records
        kept.append(opened(db, "a"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    caplog.clear()
    db.setVersionPoolSize(2)
    kept.append(opened(db, "b"))
    assert not caplog.records
    for connection in kept:
        connection.close()
    assert db.getPoolSize() == 7


def test_no_more_connections_of_a_version_are_kept_than_its_pool_has_room_for(make):
    db = make(version_pool_size=1)
    first, second = opened(db, "a"), opened(db, "a")
    first.close()
    second.close()
    assert opened(db, "a") is second
    with pytest.raises(ConnectionStateError):
        first.getVersion()


def test_a_version_can_be_opened_as_soon_as_the_database_is_in_its_collection(make):
    class Collection(dict):
        def setdefault(self, name, db):
            db.open(version="draft").close()  # as another thread may do
            return super().setdefault(name, db)

    db = make(databases=Collection(), version_pool_size=2)
    assert db.getVersionPoolSize() == 2


def test_caches_of_versions_have_a_size_of_their_own(make):
    db = make(version_cache_size=5)
    assert make().getVersionCacheSize() == 100
    assert db.getVersionCacheSize() == 5
    trunk = opened(db)
    trunk.root()["items"] = [Item() for _ in range(50)]
    commit(trunk)

    def loaded(connection):
        items = connection.root()["items"]
        for each in items:
            each._p_activate()
        connection.cacheGC()
        return sum(each._p_changed is not None for each in items)

    draft = opened(db, "draft")
    assert loaded(draft) <= 5
    assert loaded(trunk) == 50
    db.setVersionCacheSize(20)
    assert 15 <= loaded(draft) <= 20
    assert loaded(trunk) == 50
    assert db.getCacheSize() == 400


def test_a_removed_pool_is_forgotten(db):
    closed, still_open = opened(db, "draft"), opened(db, "draft")
    trunk = opened(db)
    closed.close()
    trunk.close()
    db.removeVersionPool("draft")
    with pytest.raises(ConnectionStateError):
        closed.getVersion()
    still_open.root()["a"] = 1
    commit(still_open)
    again = opened(db, "draft")
    assert again not in (closed, still_open)
    assert again.root()["a"] == 1
    item(still_open, "b", 1)
    again.sync()
    assert again.root()["b"].x == 1
    change(again, "b", 2)
    still_open.sync()
    assert still_open.root()["b"].x == 2
    still_open.close()
    assert opened(db, "draft") is not still_open
    assert opened(db) is trunk
    db.removeVersionPool("never opened")


@pytest.mark.parametrize("end", ["commitVersion", "abortVersion"])
def test_the_closed_connections_in_a_version_are_given_up_when_it_ends(db, end):
    trunk, draft, other, used = (opened(db, name) for name in ("", "a", "b", "c"))
    closed = opened(db, "c")
    for connection in draft, other, closed:
        connection.close()
    manager = trunk.transaction_manager
    start = manager.savepoint()
    getattr(db, end)("b", txn=manager.get())
    start.rollback()
    for name in "a", "c":
        getattr(db, end)(name, txn=manager.get())
    assert draft.getVersion() == "a"
    manager.commit()
    with pytest.raises(ConnectionStateError):
        draft.getVersion()
    assert opened(db, "a") is not draft
    assert (opened(db, "b"), opened(db, "c")) == (other, closed)
    assert used.getVersion() == "c"


def test_the_reports_tell_the_versions(db):
    connections = [opened(db, name) for name in ("", "draft")]
    connections[1].setDebugInfo("at work")
    told = {each["version"]: each["info"].split(" (")[0] for each in db.connectionDebugInfo()}
    assert told == {"": "", "draft": "at work"}
    assert "version" not in DB().connectionDebugInfo()[0]


# What is refused


@pytest.mark.parametrize("version", [1, b"draft", ("draft",), None, object()])
def test_what_is_not_text_names_no_version(db, version):
    with pytest.raises(TypeError, match="the name of a version is text"):
        db.open(version)


def test_a_manager_in_the_place_of_the_version_is_refused(db):
    with pytest.raises(TypeError, match="transaction_manager="):
        db.open(transaction.TransactionManager())


@pytest.mark.parametrize(
    ("source", "destination"),
    [("", ""), ("", "a"), ("a", "a"), (None, ""), (1, ""), (b"a", ""), ("a", None), ("a", b"b")],
)
def test_what_cannot_be_committed_is_refused_at_once(db, source, destination):
    with pytest.raises(VersionCommitError):
        db.commitVersion(source, destination)
    assert transaction.get()._resources == []


@pytest.mark.parametrize("version", ["", None, 1, b"a"])
def test_what_is_no_version_is_refused_at_once(db, version):
    for method in db.abortVersion, db.removeVersionPool, db.versionEmpty:
        with pytest.raises(VersionError):
            method(version)
    assert transaction.get()._resources == []


def test_what_is_no_transaction_is_refused_at_once(db):
    for end in db.commitVersion, db.abortVersion:
        with pytest.raises(TypeError, match="no transaction"):
            end("v", txn=transaction.TransactionManager())


def test_nothing_is_asked_of_a_closed_database(db):
    opened(db, "draft").close()
    db.close()
    with pytest.raises(ConnectionStateError):
        db.open("draft")
    for call in db.commitVersion, db.abortVersion:
        with pytest.raises(ConnectionStateError):
            call("draft")


def test_an_unknown_object_is_in_no_version(db):
    with pytest.raises(POSKeyError):
        db.modifiedInVersion(b"no such!")
    assert db.modifiedInVersion(z64) == ""


def test_versions_end_in_a_transaction_without_other_changes(db):
    draft = opened(db, "draft")
    draft.root()["a"] = 1
    commit(draft)
    manager = transaction.TransactionManager()
    connection = db.open(transaction_manager=manager)
    connection.add(Item())
    db.commitVersion("draft", txn=manager.get())
    with pytest.raises(StorageTransactionError):
        manager.commit()
    manager.abort()
    assert list(db.versions()) == ["draft"]


def test_what_has_gone_with_a_version_is_referred_to_by_nothing(db):
    trunk = opened(db)
    trunk.root()["holder"] = Item()
    commit(trunk)
    one, other = opened(db, "draft"), opened(db, "draft")
    new = one.root()["new"] = Item()
    commit(one)
    other.transaction_manager.begin()
    held = other.root()["new"]
    assert held._p_oid == new._p_oid
    db.abortVersion("draft")
    transaction.commit()
    for error in ConflictError, POSKeyError:  # the second time, nothing has changed since
        other.root()["holder"].held = held
        with pytest.raises(error):
            commit(other)
        other.transaction_manager.abort()
    assert list(db.versions()) == []
    assert list(opened(db, "draft").root()) == ["holder"]


# Storages without versions


def test_over_a_storage_without_versions_none_can_be_opened(without):
    with pytest.raises(ValueError, match="has no versions"):
        without.open("draft")
    assert opened(without, "").getVersion() == ""


def test_over_a_storage_without_versions_there_are_none(without):
    assert not without.supportsVersions()
    assert list(without.versions()) == list(without.versions(3)) == []
    assert without.versionEmpty("draft") is True
    assert without.modifiedInVersion(z64) == opened(without).modifiedInVersion(z64) == ""
    for end in without.commitVersion, without.abortVersion:
        with pytest.raises(NotImplementedError, match="no versions"):
            end("draft")
    assert transaction.get()._resources == []


def test_over_a_storage_without_versions_all_else_is_there(without):
    connection = opened(without)
    obj = item(connection, "one", 1)
    reader = opened(without, mvcc=False)
    assert len(reader.root()) == 1
    change(connection, "one", 2)
    with pytest.raises(ReadConflictError):
        _ = reader.root()["one"].x
    reader.transaction_manager.abort()
    aside = opened(without, synch=False)
    assert aside.root()["one"].x == 2
    change(connection, "one", 3)
    aside.transaction_manager.begin()
    assert aside.root()["one"].x == 2
    if hasattr(without.storage, "history"):
        assert len(without.history(obj._p_oid)) == len(without.history(obj._p_oid, "", 1)) == 1
        assert len(without.history(obj._p_oid, 5)) in (1, 3)


def test_versions_are_kept_in_a_file(make, tmp_path):
    path = tmp_path / "data.sqlite"
    db = make(path)
    item(opened(db), "one", 1)
    change(opened(db, "draft"), "one", 2)
    db.close()
    db = make(path)
    assert list(db.versions()) == ["draft"]
    assert [opened(db, name).root()["one"].x for name in ("", "draft")] == [1, 2]
    ended(db.commitVersion, "draft")
    assert opened(db).root()["one"].x == 2
