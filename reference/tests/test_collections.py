"""Collections of databases: who is in them, by which name; what may happen to the mapping."""

import logging
from contextlib import closing
from itertools import count

import pytest
import transaction
from sample_objects import Item
from several_databases import Collection
from zodb_reference import DB
from zodb_reference.editions import EDITIONS
from zodb_reference.errors import ConnectionStateError, InvalidObjectReference, StateLoadError
from zodb_reference.storages import MemoryStorage, SQLiteStorage


def link(collection):
    """Let an object of "1" refer to one of "2", and return a connection to "1"."""
    one, two = collection.connect("1", "2")
    two.root.target = target = Item()
    target.x = "kept"
    one.transaction_manager.commit()
    one.root.holder = Item()
    one.root.holder.target = target
    one.transaction_manager.commit()
    return one


def read_link(collection):
    with collection.databases["1"].transaction() as connection:
        return connection.root.holder.target.x


# Entering


def test_databases_that_share_a_mapping_know_each_other_by_name():
    databases = {}
    one, other = DB(databases=databases, database_name="1"), DB(databases=databases)
    with closing(one), closing(other):
        assert databases == {"1": one, "unnamed": other}
        assert one.databases is other.databases is databases


def test_a_database_without_a_mapping_is_alone(db):
    assert db.databases == {"unnamed": db}


def test_a_name_that_is_taken_is_refused_before_anything_is_opened(collection, tmp_path):
    known = dict(collection.databases)
    path = tmp_path / "never.sqlite"
    with pytest.raises(ValueError, match="'1' in the collection already; give each"):
        collection.add("1", path)
    assert collection.databases == known
    assert not path.exists()


class Slow(MemoryStorage):
    """A storage that does something when it is read first."""

    def __init__(self, meanwhile):
        super().__init__()
        self.meanwhile = meanwhile
        self.closed = False

    def lastTransaction(self):  # noqa: N802
        meanwhile, self.meanwhile = self.meanwhile, int
        meanwhile()
        return super().lastTransaction()

    def close(self):
        self.closed = True
        super().close()


def test_of_two_databases_that_are_opened_at_once_under_one_name_one_is_refused(collection):
    storage = Slow(lambda: collection.add("3"))
    with pytest.raises(ValueError, match="'3' in the collection already"):
        collection.add("3", storage)
    assert collection.databases["3"] is collection.opened[-1]
    assert not storage.closed


@pytest.mark.parametrize("path", ["file.sqlite", None])
def test_a_database_that_could_not_be_opened_leaves_nothing_open(
    collection, tmp_path, monkeypatch, path
):
    known = dict(collection.databases)
    closed = []
    for kind in (SQLiteStorage, MemoryStorage):
        close = kind.close
        monkeypatch.setattr(kind, "close", lambda self, do=close: (closed.append(self), do(self)))
        monkeypatch.setattr(kind, "tpc_vote", lambda self, meta: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        collection.add("3", path and tmp_path / path)
    assert collection.databases == known
    assert len(closed) == 1


@pytest.mark.parametrize(
    "name", ["", " ", "Größe", "данные", "データ", "a/b\0c", "\udcff", "x" * 5000]
)
def test_a_name_may_be_any_text(name, tmp_path):
    with Collection() as collection:
        collection.add("1", tmp_path / "1")
        collection.add(name, tmp_path / "2")
        one, two = collection.connect("1", name)
        two.root.target = target = Item()
        target.x = 1
        one.transaction_manager.commit()
        one.root.target = target
        two.root.holder = one.root()
        one.transaction_manager.commit()
    with Collection() as collection:
        collection.add("1", tmp_path / "1")
        collection.add(name, tmp_path / "2")
        (one,) = collection.connect("1")
        assert one.root.target.x == 1
        assert one.root.target._p_jar is one.connections[name] is one.get_connection(name)
        assert one.root.target._p_jar.root.holder is one.root()


@pytest.mark.parametrize("name", [None, b"1", 1, ["1"]])
def test_a_name_that_is_no_text_is_refused(collection, name):
    with pytest.raises(TypeError, match="the name of a database is text"):
        collection.add(name)
    assert set(collection.databases) == {"1", "2"}


def test_all_databases_of_a_collection_follow_one_edition(collection):
    with pytest.raises(ValueError, match=r"follows the edition 'current'.*'2005-06-17'"):
        collection.add("3", edition="2005-06-17")
    assert set(collection.databases) == {"1", "2"}


def test_the_collection_may_change_while_it_is_looked_at(collection):
    """As another thread would change it, that opens or closes a database."""
    calls = count()

    class Changing(str):
        @property
        def edition(self):
            collection.databases[f"late {next(calls)}"] = self
            return "current"

        def __repr__(self):
            return self.edition

    collection.databases[Changing("x")] = Changing()
    collection.add("3")
    with pytest.raises(KeyError, match="has the name 'no way'"):
        collection.connect("1")[0].get_connection("no way")
    assert {"late 0", "late 1"} <= set(collection.databases)


@pytest.mark.parametrize("edition", EDITIONS)
def test_each_edition_can_be_opened(edition):
    with closing(DB(edition=edition)) as db:
        assert db.edition == edition
        with db.transaction() as connection:
            connection.root.x = 1


def test_an_unknown_edition_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'2005' is none of 2005-06-10, 2005-06-16, .*current"):
        DB(edition="2005")


# The mapping, changed by the program


def test_a_database_that_was_taken_out_can_be_put_back(collection):
    one = link(collection)
    two = collection.databases.pop("2")
    assert one.get_connection("2").db() is two  # the group is open, and stays as it is
    one.root.holder.x = 1
    with pytest.raises(InvalidObjectReference, match="no database of the collection"):
        one.transaction_manager.commit()
    one.transaction_manager.abort()
    with pytest.raises(StateLoadError, match="no database of this collection has the name '2'"):
        read_link(collection)
    collection.databases["2"] = two
    assert read_link(collection) == "kept"


def test_a_group_with_a_database_that_was_taken_out_is_not_opened_again(collection):
    one = link(collection)
    one.close()
    del collection.databases["2"]
    again = collection.databases["1"].open(transaction.TransactionManager())
    assert again is not one
    assert again.connections == {"1": again}
    with pytest.raises(StateLoadError):
        again.root.holder.target  # noqa: B018


def test_only_the_database_that_the_collection_has_under_the_name_may_be_referred_to(collection):
    one, two = collection.connect("1", "2")
    collection.databases["2"] = collection.add("3")
    one.root.holder = two.root()
    with pytest.raises(InvalidObjectReference, match="no database of the collection"):
        one.transaction_manager.commit()
    one.transaction_manager.abort()
    (one,) = collection.connect("1")
    with pytest.raises(KeyError, match="which is not its own"):
        one.get_connection("2")


@pytest.mark.parametrize("intruder", [object(), "text", None])
def test_what_is_no_database_is_not_asked_for_connections(collection, intruder):
    collection.databases["3"] = intruder
    one, _ = collection.connect("1", "2")
    with pytest.raises(KeyError):
        one.get_connection("3")
    assert set(one.connections) == {"1", "2"}


def test_a_closed_database_that_was_put_back_is_not_opened(collection):
    one, _ = collection.connect("1", "2")
    three = collection.add("3")
    three.close()
    collection.databases["3"] = three
    with pytest.raises(ConnectionStateError, match="the database '3' is closed"):
        one.get_connection("3")


def test_a_database_that_finds_another_under_its_name_leaves_it_there(collection):
    two, three = collection.databases["2"], collection.add("3")
    collection.databases["2"] = three
    two.close()
    assert collection.databases["2"] is three


# Closing


def test_closing_a_database_frees_its_name(collection):
    collection.databases["2"].close()
    assert set(collection.databases) == {"1"}
    collection.add("2")
    link(collection)
    assert read_link(collection) == "kept"


def test_a_reference_to_a_database_that_was_closed_works_again_when_it_is_back(tmp_path):
    with Collection() as collection:
        collection.add("1")
        two = collection.add("2", tmp_path / "2")
        link(collection).close()
        two.close()
        with pytest.raises(StateLoadError, match="no database of this collection has the name '2'"):
            read_link(collection)
        collection.add("2", tmp_path / "2")
        assert read_link(collection) == "kept"


def test_closing_a_database_aborts_and_closes_the_groups_that_it_is_in(collection):
    one, two = collection.connect("1", "2")
    (alone,) = collection.connect("1")
    one.root.x = 1
    added = Item()
    two.add(added)
    alone.root.x = "alone"
    collection.databases["2"].close()
    assert (one.opened, two.opened, added._p_jar, added._p_oid) == (None,) * 4
    assert one.lost_changes
    alone.transaction_manager.commit()
    with collection.databases["1"].transaction() as again:
        assert again.root.x == "alone"
        assert again is not one


def test_closing_a_database_ends_the_groups_that_wait_in_a_pool(collection):
    one, _ = collection.connect("1", "2")
    one.close()
    collection.databases["2"].close()
    again = collection.databases["1"].open(transaction.TransactionManager())
    assert again is not one
    assert again.connections == {"1": again}


def test_a_block_whose_secondary_database_was_closed_is_told_of_its_loss(collection):
    def run():
        with collection.databases["1"].transaction() as connection:
            connection.get_connection("2").root.x = 1
            collection.databases["2"].close()

    with pytest.raises(ConnectionStateError, match="closed before the block ended"):
        run()


def test_closing_a_database_goes_on_where_one_of_its_groups_cannot_be_closed(
    collection, caplog, monkeypatch
):
    groups = [collection.connect("1", "2") for _ in range(2)]
    monkeypatch.setattr(groups[0][0], "leave", lambda: 1 / 0)
    with caplog.at_level(logging.ERROR):
        collection.databases["2"].close()
    assert "could not be closed with its database" in caplog.text
    assert groups[1][0].opened is groups[1][1].opened is None
