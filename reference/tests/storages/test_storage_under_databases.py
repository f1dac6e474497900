"""All storages under two databases, which know them by the storage protocol alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import transaction
import zodb_reference
import zodb_reference.errors

ZODB = pytest.importorskip("ZODB", reason="needs ZODB")

from BTrees.Length import Length  # noqa: E402 - installed together with ZODB
from BTrees.OOBTree import OOBTree  # noqa: E402
from ZODB import POSException  # noqa: E402
from ZODB.FileStorage import FileStorage  # noqa: E402
from ZODB.tests.hexstorage import HexStorage  # noqa: E402
from zodb_reference.storages import (  # noqa: E402
    ClientStorage,
    MemoryStorage,
    SnapshotStorage,
)

OF_ZODB, OF_THE_REFERENCE = (ZODB.DB, POSException), (zodb_reference.DB, zodb_reference.errors)


def with_snapshots(*arguments, **options):
    """Return a storage that has a snapshot for each connection, which ZODB asks an interface."""
    return SnapshotStorage(MemoryStorage(*arguments, **options))


@pytest.fixture(params=["memory", "sqlite", "snapshots", "client"])
def make_storage(request, open_sqlite, tmp_path):
    """Return what makes an empty storage, of each kind in turn."""
    kinds = {
        "memory": MemoryStorage,
        "sqlite": open_sqlite,
        "snapshots": with_snapshots,
        "client": lambda path=tmp_path / "test.sqlite", **options: ClientStorage(path, **options),
    }
    return kinds[request.param]


@pytest.fixture(params=[OF_ZODB, OF_THE_REFERENCE], ids=["zodb", "reference"])
def flavour(request):
    """Return the class of a database, and the module of the errors that its programs catch."""
    return request.param


@pytest.fixture
def caught(flavour):
    """Return the module of the errors that are raised."""
    return flavour[1]


@pytest.fixture
def make_database(make_storage, flavour):
    """Return what makes a database over a storage; all of them are closed in the end."""
    made = []

    def make(*arguments, **options):
        database_class, errors = flavour
        made.append(database_class(make_storage(*arguments, errors=errors), **options))
        return made[-1]

    yield make
    for database in made:
        database.close()


only_zodb = pytest.mark.parametrize("flavour", [OF_ZODB], ids=["zodb"])


@pytest.fixture
def database(make_database):
    return make_database()


@pytest.fixture
def connect(database):
    """Return what opens a connection with a transaction manager of its own."""

    def open_connection():
        return database.open(transaction.TransactionManager())

    return open_connection


def commit(connection):
    connection.transaction_manager.commit()


def test_what_one_connection_commits_the_next_one_reads(connect):
    first, second = connect(), connect()
    first.root()["tree"] = OOBTree({"a": 1})
    commit(first)
    assert "tree" not in second.root()
    second.sync()
    assert dict(second.root()["tree"]) == {"a": 1}


def test_a_connection_keeps_its_snapshot_while_others_commit(connect):
    first, second = connect(), connect()
    first.root()["n"] = 0
    commit(first)
    second.sync()
    first.root()["n"] = 1
    first.root()["more"] = Length(5)
    commit(first)
    assert dict(second.root()) == {"n": 0}
    second.sync()
    assert second.root()["n"] == 1


def test_the_second_of_two_writers_gets_a_conflict_error(connect, caught):
    first, second = connect(), connect()
    first.root()["n"] = second.root()["n"] = 1
    commit(first)
    with pytest.raises(caught.ConflictError, match=r"PersistentMapping"):
        commit(second)
    second.transaction_manager.abort()
    second.root()["n"] += 1
    commit(second)
    first.sync()
    assert first.root()["n"] == 2


def test_conflicts_are_resolved_by_the_class(connect):
    first, second = connect(), connect()
    first.root()["length"] = Length(10)
    commit(first)
    second.sync()
    first.root()["length"].change(1)
    second.root()["length"].change(100)
    commit(first)
    commit(second)
    assert second.root()["length"]() == 111
    first.sync()
    assert first.root()["length"]() == 111


def test_read_current_fails_where_another_has_written(connect, caught):
    first, second = connect(), connect()
    first.root()["guard"] = OOBTree()
    commit(first)
    second.sync()
    assert "closed" not in second.root()["guard"]
    second.readCurrent(second.root()["guard"])
    second.root()["n"] = 1
    first.root()["guard"]["closed"] = True
    commit(first)
    with pytest.raises(caught.ReadConflictError):
        commit(second)


@only_zodb
def test_savepoints_and_rollback_work(connect):
    connection = connect()
    connection.root()["a"] = OOBTree()
    savepoint = connection.transaction_manager.savepoint()
    connection.root()["b"] = OOBTree()
    savepoint.rollback()
    commit(connection)
    assert list(connection.root()) == ["a"]


@only_zodb
def test_historical_connections_see_the_past(database, connect):
    connection = connect()
    for n in range(3):
        connection.root()["n"] = n
        commit(connection)
    tids = [entry["tid"] for entry in database.history(connection.root()._p_oid, 10)]
    past = database.open(transaction.TransactionManager(), at=tids[1])
    assert past.root()["n"] == 1
    past.close()


@only_zodb
def test_the_database_reads_history_and_meta_data(database):
    with database.transaction("a note") as connection:
        connection.root()["n"] = 1
    newest, oldest = database.history(b"\0" * 8, 10)
    assert (newest["description"], oldest["description"]) == ("a note", "initial database creation")
    assert database.supportsUndo()
    assert database.objectCount() == 1
    assert database.getSize() > 0


def test_two_changed_connections_in_one_transaction_are_refused_and_do_not_block(database, caught):
    manager = transaction.TransactionManager()
    first, second = database.open(manager), database.open(manager)
    first.root()["n"] = 1
    second.root()["m"] = 1
    with pytest.raises(caught.StorageTransactionError):
        manager.commit()
    manager.abort()
    assert dict(first.root()) == dict(second.root()) == {}


@only_zodb
def test_two_databases_commit_together(make_database, tmp_path):
    databases = {}
    for name in ("one", "two"):
        make_database(str(tmp_path / name), database_name=name, databases=databases)
    manager = transaction.TransactionManager()
    one = databases["one"].open(manager)
    two = one.get_connection("two")
    one.root()["n"] = two.root()["n"] = 7
    manager.commit()
    for database in databases.values():
        with database.transaction() as connection:
            assert connection.root()["n"] == 7


@only_zodb
def test_records_are_what_a_file_storage_holds(make_database, tmp_path):
    """Copied by ZODB into a storage of its own, the database is the same."""
    database = make_database()
    with database.transaction("first") as connection:
        connection.root()["tree"] = OOBTree({n: Length(n) for n in range(100)})
    with database.transaction("second") as connection:
        connection.root()["tree"][7].change(1)
    copy = FileStorage(str(tmp_path / "copy.fs"))
    copy.copyTransactionsFrom(database.storage)
    with ZODB.DB(copy).transaction() as connection:
        tree = connection.root()["tree"]
        assert [tree[n]() for n in (0, 7, 99)] == [0, 8, 99]
        assert connection.db().lastTransaction() == database.lastTransaction()
        notes = [entry["description"] for entry in connection.db().history(tree[7]._p_oid, 5)]
        assert notes == ["second", "first"]
    copy.close()


def test_conflicts_are_resolved_under_a_storage_that_transforms_records(make_storage, flavour):
    if make_storage is with_snapshots:
        pytest.skip("this wrapper does not wrap the instances that it gives")
    database_class, errors = flavour
    database = database_class(HexStorage(make_storage(errors=errors)))
    connections = [database.open(transaction.TransactionManager()) for _ in range(2)]
    with database.transaction() as connection:
        connection.root()["length"] = Length(0)
    for connection in connections:
        connection.sync()
        connection.root()["length"].change(1)
    for connection in connections:
        commit(connection)
    assert connections[1].root()["length"]() == 2
    database.close()


def test_threads_that_try_again_lose_no_update(database):
    with database.transaction() as connection:
        connection.root()["n"] = 0

    def count():
        def increment():
            connection.root()["n"] += 1

        connection = database.open(transaction.TransactionManager())
        for _ in range(10):
            connection.transaction_manager.run(increment, tries=1000)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        for counted in [pool.submit(count) for _ in range(4)]:
            counted.result(60)
    with database.transaction() as connection:
        assert connection.root()["n"] == 40


def test_either_database_opens_what_the_other_wrote(open_sqlite):
    flavours = OF_ZODB, OF_THE_REFERENCE, OF_ZODB
    for number, (database_class, errors) in enumerate(flavours):
        database = database_class(open_sqlite(errors=errors))
        with database.transaction() as connection:
            root = connection.root()
            assert {n: root[n]() for n in range(number)} == {n: n for n in range(number)}
            root[number] = Length(number)
        database.close()
