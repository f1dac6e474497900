"""The same program on ZODB and on the reference: the same outcomes, and the same records."""

import shutil

import pytest
import transaction
import ZODB
import zodb_reference
from persistent.wref import WeakRef
from sample_objects import Item, Named
from ZODB.FileStorage import FileStorage
from ZODB.utils import maxtid
from zodb_reference.persistentclass import PersistentMetaClass


def open_all(implementation, folder, names="12", **options):
    """Open databases of one collection in a folder; return connections of one group."""
    databases = {}
    for name in names:
        implementation.DB(
            FileStorage(str(folder / f"{name}.fs")),
            databases=databases,
            database_name=name,
            **options,
        )
    primary = databases[names[0]].open(transaction.TransactionManager())
    return [primary, *(primary.get_connection(name) for name in names[1:])]


def close_all(connections):
    connections[0].transaction_manager.abort()
    for db in list(connections[0].db().databases.values()):
        db.close()


def program(connections):
    """Link objects of several databases in every way, in several transactions."""
    one, two = connections
    manager = one.transaction_manager
    one.root()["a"], two.root()["b"] = Item(), Item()
    two.root()["named"] = Named("name")
    manager.commit()
    a, b, named = one.root()["a"], two.root()["b"], two.root()["named"]
    a.b, a.named, a.weak, b.a = b, named, WeakRef(b), a
    a.list = [b, named, {"weak": WeakRef(named)}]
    manager.commit()
    new = Item()
    one.add(new)
    a.new = b.new = new
    manager.commit()
    savepoint = manager.savepoint()
    a.more, b.more = Item(), Item()
    manager.savepoint()
    savepoint.rollback()
    b.last = Item()
    b.last.a = a
    manager.commit()


def look(connections):
    """What the program has made, read through these connections."""
    one, two = connections
    a = one.root()["a"]
    b = two.root()["b"]
    assert a._p_jar is one
    assert a.b is b is a.weak() is a.list[0]
    assert b._p_jar is two
    assert a.named is two.root()["named"] is a.list[1] is a.list[2]["weak"]()
    assert a.named.name == "name"
    assert b.a is a
    assert a.new is b.new
    assert a.new._p_jar is one
    assert b.last.a is a
    assert not hasattr(a, "more")
    assert not hasattr(b, "more")


def records(connections):
    """The current records of all objects, each database for itself."""
    found = []
    for connection in connections:
        storage = connection.db().storage
        oids = {record.oid for each in storage.iterator() for record in each}
        found.append({oid: storage.loadBefore(oid, maxtid)[0] for oid in oids})
    return found


IMPLEMENTATIONS = [ZODB, zodb_reference]


@pytest.mark.parametrize("writer", IMPLEMENTATIONS, ids=lambda each: each.__name__)
def test_what_one_has_written_both_read_and_write_again_alike(writer, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    connections = open_all(writer, made)
    program(connections)
    look(connections)
    close_all(connections)
    written = []
    for reader in IMPLEMENTATIONS:
        folder = shutil.copytree(made, tmp_path / reader.__name__)
        connections = open_all(reader, folder)
        look(connections)
        for connection in connections:
            for oid in records([connection])[0]:
                connection.get(oid)._p_activate()
                connection.get(oid)._p_changed = True
        connections[0].transaction_manager.commit()
        look(connections)
        written.append(records(connections))
        close_all(connections)
    assert written[0] == written[1]


def test_both_write_the_same_records_byte_for_byte(tmp_path):
    written = []
    for implementation in IMPLEMENTATIONS:
        folder = tmp_path / implementation.__name__
        folder.mkdir()
        connections = open_all(implementation, folder)
        program(connections)
        written.append(records(connections))
        close_all(connections)
    assert written[0] == written[1]


def refusal(connections, change):
    """The name of the error and what it tells, where a commit after `change` is refused."""
    manager = connections[0].transaction_manager
    try:
        change(*connections)
        manager.commit()
    except Exception as error:  # noqa: BLE001 - whatever it is, both have to raise the same
        return type(error).__name__, [type(each).__name__ for each in error.args[1:]]
    finally:
        manager.abort()
    return None


def separate(connection):
    other = connection.db().open(transaction.TransactionManager())
    other.root()["a"] = item = Item()
    other.transaction_manager.commit()
    connection.transaction_manager.begin()
    return item


def share(one, two):
    one.root()["x"] = two.root()["x"] = Item()


def share_after_savepoint(one, two):
    one.root()["x"] = item = Item()
    one.transaction_manager.savepoint()
    two.root()["x"] = item


def share_unlinked(one, two):
    share_after_savepoint(one, two)
    del one.root()["x"]


def share_added(one, two):
    share(one, two)
    two.add(one.root()["x"])


def share_added_late(one, two):
    one.root()["x"] = item = Item()
    one.transaction_manager.savepoint()
    one.add(item)
    two.root()["x"] = item


def share_child_of_added(one, two):
    share_added(one, two)
    one.root()["x"].inner = two.root()["x"].inner = one.root()["y"] = Item()


def share_after_rollback(one, two):
    two.root()["y"] = 1
    savepoint = one.transaction_manager.savepoint()
    share_after_savepoint(one, two)
    savepoint.rollback()
    two.root()["x"] = Item()


def link_separate(one, two):
    one.root()["x"] = separate(two)


def link_own_separate(one, two):
    one.root()["x"] = separate(one)


def link_outside(one, two):
    one.root()["x"] = separate(ZODB.DB(None).open(transaction.TransactionManager()))


def ask_unknown(one, two):
    one.get_connection("no way")


@pytest.mark.parametrize(
    "change",
    [
        share,
        share_after_savepoint,
        share_unlinked,
        share_added,
        share_added_late,
        share_child_of_added,
        share_after_rollback,
        link_separate,
        link_own_separate,
        link_outside,
        ask_unknown,
    ],
)
def test_both_refuse_the_same(change, tmp_path):
    told = []
    for implementation in IMPLEMENTATIONS:
        folder = tmp_path / implementation.__name__
        folder.mkdir()
        connections = open_all(implementation, folder)
        told.append(refusal(connections, change))
        close_all(connections)
    assert told[0] == told[1]


def test_a_persistent_class_of_another_database_is_referred_to_by_its_oid(tmp_path):
    """As ZODB does; each has a metaclass of its own for them."""
    one, two = open_all(zodb_reference, tmp_path)
    kind = PersistentMetaClass("Kind", (), {"__module__": "in.database"})
    two.root()["kind"] = kind
    one.transaction_manager.commit()
    one.root()["kind"] = kind
    one.transaction_manager.commit()
    one.cacheMinimize()
    assert one.root()["kind"] is kind
    close_all([one])
