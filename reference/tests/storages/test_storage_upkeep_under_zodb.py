"""Undo, packing and history of both storages, as ZODB's own database uses them."""

import time

import pytest
import transaction

ZODB = pytest.importorskip("ZODB", reason="needs ZODB")

from BTrees.Length import Length  # noqa: E402 - installed together with ZODB
from BTrees.OOBTree import OOBTree  # noqa: E402
from persistent.mapping import PersistentMapping  # noqa: E402
from ZODB import POSException  # noqa: E402
from ZODB.FileStorage import FileStorage  # noqa: E402
from ZODB.tests.hexstorage import HexStorage  # noqa: E402
from zodb_reference.oids import z64  # noqa: E402


@pytest.fixture(params=["alone", "under a storage that transforms records"])
def database(make_storage, request):
    """Return a database of ZODB over each kind of storage."""
    storage = make_storage(errors=POSException)
    database = ZODB.DB(storage if request.param == "alone" else HexStorage(storage))
    yield database
    database.close()


@pytest.fixture
def connection(database):
    """Return a connection with a transaction manager of its own."""
    return database.open(transaction.TransactionManager())


@pytest.fixture
def note(connection):
    """Return what commits what the connection has changed, under a note."""

    def commit(text):
        connection.transaction_manager.get().note(text)
        connection.transaction_manager.commit()

    return commit


@pytest.fixture
def undo(database, connection):
    """Return what undoes transactions by their places in the log."""

    def undo_transactions(*places):
        manager = transaction.TransactionManager()
        log = database.undoLog(0, 1 + max(places))
        database.undoMultiple([log[place]["id"] for place in places], manager.begin())
        try:
            manager.commit()
        finally:
            manager.abort()
        connection.sync()

    return undo_transactions


def later():
    """Return a time later than all commits so far, and not later than the next one."""
    now = time.time()
    while time.time() <= now + 1e-5:
        pass
    return now + 5e-6


def test_undo_brings_objects_back_in_all_connections(database, connection, note, undo):
    assert database.supportsUndo()
    connection.root.tree = OOBTree({"a": 1})
    note("make")
    connection.root.tree["a"] = 2
    note("change")
    other = database.open(transaction.TransactionManager())
    assert other.root.tree["a"] == 2
    undo(0)
    other.sync()
    assert connection.root.tree["a"] == other.root.tree["a"] == 1
    assert [entry["description"] for entry in database.undoLog()] == [
        "",
        "change",
        "make",
        "initial database creation",
    ]
    undo(0)
    assert connection.root.tree["a"] == 2


def test_an_object_is_gone_where_its_creation_was_undone(connection, note, undo):
    connection.root.tree = tree = OOBTree()
    note("make")
    undo(0)
    assert not hasattr(connection.root, "tree")
    with pytest.raises(POSException.POSKeyError):
        list(tree)
    undo(0)
    assert list(connection.root.tree) == []


@pytest.mark.parametrize("places", [(1, 2), (2, 1)])
def test_several_transactions_are_undone_in_one(connection, note, undo, places):
    connection.root.length = Length(0)
    note("make")
    for number in range(4):
        connection.root.length.change(10**number)
        note(str(number))
    undo(*places)
    assert connection.root.length() == 1001


def test_what_can_not_be_undone_is_told(connection, note, undo):
    connection.root.a = 1
    note("a")
    connection.root.b = 2
    note("b")
    with pytest.raises(POSException.MultipleUndoErrors, match="0x00"):
        undo(1)
    assert (connection.root.a, connection.root.b) == (1, 2)
    undo(0, 1)
    assert not hasattr(connection.root, "a")


def test_packing_leaves_what_is_reachable(database, connection, note):
    connection.root.tree = tree = OOBTree({n: PersistentMapping({"n": n}) for n in range(100)})
    note("make")
    for n in range(0, 100, 2):
        del tree[n]
        note(f"remove {n}")
    gone, kept = database.objectCount(), connection.root.tree[1]
    database.pack(later())
    assert database.objectCount() == gone - 50
    assert len(database.undoLog()) == 0
    connection.cacheMinimize()
    assert [mapping["n"] for mapping in connection.root.tree.values()] == list(range(1, 100, 2))
    kept["n"] = "changed"
    note("change")
    assert len(database.undoLog()) == 1
    assert len(database.history(kept._p_oid, 10)) == 2


def test_what_was_unlinked_later_than_packing_comes_back_by_undo(database, connection, note, undo):
    connection.root.first = first = PersistentMapping()
    first["second"] = PersistentMapping()
    note("1 -> 2")
    t = later()
    first["second"]["third"] = PersistentMapping()
    note("1 -> 2 -> 3")
    first["third"] = first.pop("second")["third"]
    note("1 -> 3")
    assert len(database.undoLog()) == 4
    database.pack(t)
    assert [entry["description"] for entry in database.undoLog()] == ["1 -> 3", "1 -> 2 -> 3"]
    undo(0)
    assert list(first) == ["second"]
    assert list(first["second"]) == ["third"]


def test_packing_again_and_again_after_undo_loses_nothing(database, connection, note, undo):
    connection.root.mapping = PersistentMapping({n: PersistentMapping() for n in range(3)})
    note("make")
    times = [later()]
    del connection.root.mapping[1]
    note("delete")
    times.append(later())
    undo(0)
    times.append(later())
    for t in times:
        database.pack(t)
        connection.cacheMinimize()
        assert [len(value) for value in connection.root.mapping.values()] == [0, 0, 0]


def test_a_connection_whose_objects_are_packed_away_may_try_again(database, connection, note):
    connection.root.mapping = PersistentMapping()
    note("make")
    other = database.open(transaction.TransactionManager())
    assert other.root.mapping._p_changed is None
    connection.root.mapping["a"] = 1
    note("change")
    database.pack(later())
    with pytest.raises(POSException.ReadConflictError):
        other.root.mapping.keys()
    other.sync()
    assert list(other.root.mapping) == ["a"]


def test_a_copy_of_what_was_undone_and_packed_is_the_same(
    database, connection, note, undo, tmp_path
):
    for n in range(4):
        connection.root.value = OOBTree({n: n})
        note(str(n))
    t = later()
    undo(0)
    connection.root.value = "last"
    note("last")
    undo(0)
    database.pack(t)
    copy = FileStorage(str(tmp_path / "copy.fs"))
    copy.copyTransactionsFrom(database.storage)

    def content(storage):
        return [
            (one.tid, one.description, [(record.oid, record.data) for record in one])
            for one in storage.iterator()
        ]

    assert content(copy) == content(database.storage)
    assert copy.load(z64) == database.storage.load(z64)
    copy.close()


def test_history_tells_what_an_undo_wrote(database, connection, note, undo):
    connection.root.a = 1
    note("a")
    undo(0)
    sizes = [entry["size"] for entry in database.history(z64, 10)]
    assert len(sizes) == 3
    assert sizes[0] == sizes[2] > 0
