"""Half commits: found in what the databases hold, whoever has noticed, and repaired."""

import subprocess
import sys
import textwrap

import pytest
import transaction
import ZODB
from sample_objects import Item
from several_databases import Collection
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from zodb_reference.errors import StorageError
from zodb_reference.halves import HalfCommit
from zodb_reference.joint import NOTE
from zodb_reference.storages import MemoryStorage, SQLiteStorage
from zodb_reference.storages.reading import ReadableStorage

KINDS = {
    "memory": lambda path: MemoryStorage(),
    "sqlite": SQLiteStorage,
    "mapping": lambda path: MappingStorage(str(path)),
    "file": lambda path: FileStorage(str(path)),
}


class Failure(Exception):
    pass


def fail(*arguments):
    raise Failure


def commit_half(connections, monkeypatch, place=1):
    """Commit a change to each; the database in this place cannot finish."""
    manager = connections[0].transaction_manager
    for connection in connections:
        connection.root.x = "half"
    manager.get().note("the half commit")
    with monkeypatch.context() as patch:
        patch.setattr(connections[place].db().storage, "tpc_finish", fail)
        with pytest.raises(Failure):
            manager.commit()
    manager.abort()


@pytest.fixture(params=["memory memory", "sqlite sqlite", "file mapping", "mapping file"])
def pair(request, tmp_path):
    """Connections of one group to two databases of which "1" goes first."""
    with Collection() as collection:
        for name, kind in zip("12", request.param.split(), strict=True):
            collection.add(name, KINDS[kind](tmp_path / f"{name}-{kind}"))
        connections = collection.connect("1", "2")
        names = sorted("12", key=lambda name: collection.databases[name].storage.sortKey())
        yield connections if names == ["1", "2"] else connections[::-1]


def test_a_half_commit_is_told_with_where_it_is(pair, monkeypatch):
    first, second = pair
    for connection in pair:
        connection.root.x = 0
    first.transaction_manager.commit()
    assert first.db().half_commits() == []
    commit_half(pair, monkeypatch)
    (half,) = first.db().half_commits()
    name, other = (connection.db().database_name for connection in pair)
    assert dict(half.tids) == {name: first.db().lastTransaction()}
    assert (half.missing, half.unknown) == ((other,), ())
    assert second.db().half_commits() == [half]
    for connection in pair:
        connection.root.y = 0
    first.transaction_manager.commit()
    assert first.db().half_commits() == [half]


def test_a_half_commit_that_was_repaired_is_told_no_more(pair, monkeypatch):
    first, second = pair
    commit_half(pair, monkeypatch)
    commit_half(pair, monkeypatch)
    halves = first.db().half_commits()
    assert len({half.id for half in halves}) == 2
    manager = first.transaction_manager
    manager.begin()
    second.root.x = "half"
    halves[0].repaired_by(manager.get())
    manager.abort()
    assert first.db().half_commits() == halves
    second.root.x = "half"
    halves[0].repaired_by(manager.get())
    halves[1].repaired_by(manager.get())
    manager.commit()
    assert first.db().half_commits() == []


def test_half_commits_come_in_the_order_of_their_tids(pair, monkeypatch):
    for _ in range(4):
        commit_half(pair, monkeypatch)
    tids = [min(half.tids.values()) for half in pair[0].db().half_commits()]
    assert tids == sorted(tids)
    assert len(tids) == 4


def test_only_commits_since_a_tid_are_looked_at(pair, monkeypatch):
    first, _ = pair
    commit_half(pair, monkeypatch)
    for connection in pair:
        connection.root.y = 0
    first.transaction_manager.commit()
    start = max(connection.db().lastTransaction() for connection in pair)
    assert first.db().half_commits(since=start) == []  # also not what begins before it elsewhere
    commit_half(pair, monkeypatch)
    (half,) = first.db().half_commits(since=start)
    assert half == first.db().half_commits()[1]


def test_a_database_that_is_not_open_is_not_asked(collection, monkeypatch):
    collection.add("3")
    connections = collection.connect("1", "2", "3")
    commit_half(connections, monkeypatch)
    one = collection.databases["1"]
    assert one.half_commits()[0].missing == ("2", "3")
    collection.databases["3"].close()
    (half,) = one.half_commits()
    assert (half.missing, half.unknown) == (("2",), ("3",))
    collection.databases["2"].close()
    assert one.half_commits() == []


def test_what_is_committed_while_the_databases_are_asked_is_not_missing(collection, monkeypatch):
    """The database that is asked first is the one that finishes first."""
    one, two = collection.connect("1", "2")
    manager = one.transaction_manager
    storage = collection.databases["1"].storage
    iterator = storage.iterator

    def commit_after(*arguments):
        monkeypatch.setattr(storage, "iterator", iterator)
        found = list(iterator(*arguments))
        one.root.x = two.root.x = 1
        manager.commit()
        return iter(found)

    monkeypatch.setattr(storage, "iterator", commit_after)
    assert collection.databases["1"].half_commits() == []


def test_a_storage_that_cannot_be_iterated_over_is_told(collection, monkeypatch):
    monkeypatch.delattr(ReadableStorage, "iterator")
    with pytest.raises(StorageError, match=r"the database '1', .* has no iterator\(\)"):
        collection.databases["2"].half_commits()


def test_extensions_of_programs_need_not_be_understood(collection, monkeypatch):
    """Whatever they hold, and although its classes cannot be imported."""
    one, two = collection.connect("1", "2")
    manager = one.transaction_manager
    for value in ("zodb_reference.joint", Item, 1):
        one.root.x = two.root.x = 1
        manager.get().setExtendedInfo("program", value)
        manager.commit()
    one.root.x = 2
    manager.get().setExtendedInfo("program", {"zodb_reference.repairs": [Item]})
    manager.commit()
    monkeypatch.delattr("sample_objects.Item")
    assert one.db().half_commits() == []


def test_a_half_commit_is_known_after_everything_was_opened_again(tmp_path, monkeypatch):
    for _ in range(2):
        with Collection() as collection:
            for name in "12":
                collection.add(name, tmp_path / name)
            if not collection.databases["1"].half_commits():
                commit_half(collection.connect("1", "2"), monkeypatch)
            (half,) = collection.databases["1"].half_commits()
            assert half.missing == ("2",)


KILLED = """
import os, transaction
from zodb_reference import DB
from zodb_reference.storages import SQLiteStorage

class Deadly(SQLiteStorage):
    def tpc_finish(self, *arguments):
        os._exit(9)

databases = {{}}
one = DB(SQLiteStorage({0!r}), databases=databases, database_name="1")
two = DB(SQLiteStorage({1!r}), databases=databases, database_name="2")
connection = one.open()
connection.root.x = connection.get_connection("2").root.x = 1
two.storage.__class__ = Deadly
transaction.commit()
"""


def test_a_process_that_ends_between_two_finishes_leaves_a_half_commit_that_is_told(tmp_path):
    paths = str(tmp_path / "1"), str(tmp_path / "2")
    script = textwrap.dedent(KILLED).format(*paths)
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9
    with Collection() as collection:
        for name, path in zip("12", paths, strict=True):
            collection.add(name, path)
        (half,) = collection.databases["1"].half_commits()
        assert (set(half.tids), half.missing) == ({"1"}, ("2",))
        one, two = collection.connect("1", "2")
        assert one.root.x == 1
        assert "x" not in two.root()
        two.root.x = 1
        half.repaired_by(one.transaction_manager.get())
        one.transaction_manager.commit()
        assert one.db().half_commits() == []


# ZODB


def last_records(db):
    """What the last transaction has written."""
    return [[record.data for record in each] for each in db.storage.iterator()][-1]


def test_zodb_sees_the_note_in_the_extension_and_nothing_in_the_records(tmp_path):
    with Collection() as collection:
        for name in "12":
            collection.add(name, FileStorage(str(tmp_path / name)))
        one, two = collection.connect("1", "2")
        one.root.x = two.root.x = 1
        one.transaction_manager.commit()
        with_note = last_records(one.db())
    db = ZODB.DB(str(tmp_path / "1"))
    (entry,) = db.undoInfo(0, 1)
    assert entry[NOTE]["databases"] == ["1", "2"]
    connection = db.open(transaction.TransactionManager())
    assert connection.root()["x"] == 1
    connection.root()._p_changed = True
    connection.transaction_manager.commit()
    assert last_records(db) == with_note
    assert db.undoInfo(0, 1)[0].keys() == {"id", "time", "user_name", "description"} | {"size"}
    db.close()


def test_half_commits_can_be_made_known_by_hand():
    half = HalfCommit("id", {"1": b"\0" * 8}, ("2",))
    current = transaction.TransactionManager().begin()
    half.repaired_by(current)
    half.repaired_by(current)
    assert list(current.extension.values()) == [["id", "id"]]


@pytest.mark.parametrize("packed", [0, 1])
def test_packing_makes_no_half_commits(pair, packed):
    manager = pair[0].transaction_manager
    for value in range(3):
        for connection in pair:
            connection.root.x = value
        manager.commit()
    database = pair[packed].db()
    if isinstance(database.storage, MappingStorage):
        pytest.skip("it does not tell that it was packed")
    database.pack()
    assert database.half_commits() == []


def test_a_half_commit_after_packing_is_told(pair, monkeypatch):
    pair[0].db().pack()
    commit_half(pair, monkeypatch)
    assert [half.missing for half in pair[0].db().half_commits()] == [(pair[1].db().database_name,)]
