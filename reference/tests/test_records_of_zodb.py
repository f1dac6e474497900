"""What ZODB and the reference write, the other reads; and it is the same, byte for byte."""

import datetime
import decimal
import enum
import sys
from contextlib import closing

import BTrees
import pytest
import transaction
import ZODB
import ZODB.broken
import ZODB.persistentclass
import zodb_reference
import zodb_reference.broken
import zodb_reference.persistentclass
from persistent import Persistent
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from persistent.wref import PersistentWeakKeyDictionary, WeakRef
from sample_objects import Named
from ZODB.FileStorage import FileStorage


class Item(Persistent):
    pass


class Slotted(Persistent):
    __slots__ = ("left", "right")


class Stateless(Persistent):
    def __getstate__(self):
        return None

    def __setstate__(self, state):
        assert state is None


class Value:
    def __init__(self, content):
        self.content = content


class Color(enum.Enum):
    RED = 1


def describe(self):
    return self.kind


def zodb(path):
    return ZODB.DB(FileStorage(path), class_factory=ZODB_FACTORY)


def reference(path):
    return zodb_reference.DB(FileStorage(path), class_factory=REFERENCE_FACTORY)


def factory(find_global):
    """Return a class factory that finds the module `in.database` in the root."""

    def find(connection, module, name):
        if module == "in.database":
            return connection.root()["classes"][name]
        return find_global(module, name)

    return find


ZODB_FACTORY = factory(ZODB.broken.find_global)
REFERENCE_FACTORY = factory(zodb_reference.broken.find_global)
IMPLEMENTATIONS = [zodb, reference]
BOTH_WAYS = [(zodb, reference), (reference, zodb), (reference, reference)]


def fill(root):
    """Put objects of every kind, and every kind of reference, into a root."""
    shared = Item()
    shared.name = "shared"
    root["plain"] = plain = Item()
    plain.shared = shared
    plain.nested = {"list": [shared, (shared,)], "value": Value(shared)}
    plain.me = plain
    root["named"] = Named("name")
    root["named"].shared = shared
    root["slotted"] = slotted = Slotted()
    slotted.left, slotted.right = shared, Named("right")
    root["stateless"] = Stateless()
    root["weak"] = [WeakRef(shared), WeakRef(Named("weakly")), WeakRef(shared)]
    root["mapping"] = PersistentMapping({1: shared, "a": PersistentMapping()})
    root["list"] = PersistentList([shared, plain])
    root["weak keys"] = PersistentWeakKeyDictionary({plain: "plain"})
    root["tree"] = BTrees.OOBTree.BTree({n: Item() for n in range(200)})
    root["numbers"] = BTrees.IIBTree.TreeSet(range(1000))
    root["values"] = [
        *(None, True, -1, 2**100, 1.5, 1j, b"bytes", "text \N{SNOWMAN}", ...),
        *({1, 2}, frozenset([3]), bytearray(b"x"), range(3), Color.RED, Value(1), Item, describe),
        *(datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC), decimal.Decimal("1.5")),
    ]


def check(root):
    """Check what `fill` has made."""
    plain = root["plain"]
    shared = plain.shared
    assert shared.name == "shared"
    assert plain.nested["list"][0] is plain.nested["list"][1][0] is shared
    assert plain.nested["value"].content is shared
    assert plain.me is plain
    assert (root["named"].name, root["named"].shared) == ("name", shared)
    assert (root["slotted"].left, root["slotted"].right.name) == (shared, "right")
    assert type(root["stateless"]) is Stateless
    assert [reference()._p_oid for reference in root["weak"]][::2] == [shared._p_oid] * 2
    assert root["weak"][1]().name == "weakly"
    assert root["mapping"][1] is shared
    assert dict(root["mapping"]["a"]) == {}
    assert list(root["list"]) == [shared, plain]
    assert root["weak keys"][plain] == "plain"
    assert [type(item) for item in root["tree"].values()] == [Item] * 200
    assert list(root["numbers"]) == list(range(1000))
    values = root["values"]
    assert values[:9] == [None, True, -1, 2**100, 1.5, 1j, b"bytes", "text \N{SNOWMAN}", ...]
    assert values[9:14] == [{1, 2}, frozenset([3]), bytearray(b"x"), range(3), Color.RED]
    assert values[14].content == 1
    assert values[15:17] == [Item, describe]
    assert [type(value).__name__ for value in values[17:]] == ["datetime", "Decimal"]


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "data.fs")


def within(database, work):
    """Let `work` do something with the root of a database, in a transaction; close it."""
    try:
        with database.transaction() as connection:
            return work(connection.root())
    finally:
        database.close()


@pytest.mark.parametrize(("write", "read"), BOTH_WAYS)
def test_what_one_has_written_the_other_reads(path, write, read):
    within(write(path), fill)
    within(read(path), check)


@pytest.mark.parametrize(("write", "change"), BOTH_WAYS)
def test_what_one_has_written_the_other_changes(path, write, change):
    def touch(root):
        for obj in [root, *root.values()]:
            if isinstance(obj, Persistent):
                obj._p_activate()
                obj._p_changed = True

    within(write(path), fill)
    within(change(path), touch)
    within(write(path), check)
    within(change(path), check)


def records(path):
    """Return all records of a file in the order written, by transaction."""
    storage = FileStorage(path, read_only=True)
    found = [[(r.oid, r.data) for r in transaction] for transaction in storage.iterator()]
    storage.close()
    return found


@pytest.mark.parametrize("work", [[], [fill]], ids=["root", "every kind"])
def test_the_records_are_the_same_byte_for_byte(tmp_path, work):
    written = []
    for implementation in IMPLEMENTATIONS:
        path = str(tmp_path / implementation.__name__)
        within(implementation(path), lambda root: [fill(root) for fill in work])
        written.append(records(path))
    assert written[0] == written[1]
    assert len(written[0]) == 1 + len(work)


def test_a_record_is_the_same_when_an_object_that_was_loaded_is_stored(path):
    within(zodb(path), fill)
    within(reference(path), lambda root: root["plain"].__setattr__("x", 1))
    within(zodb(path), lambda root: root["plain"].__setattr__("x", 2))
    within(reference(path), lambda root: root["plain"].__setattr__("x", 1))
    _, _, (first,), _, (second,) = records(path)
    assert first == second


METACLASSES = [
    ZODB.persistentclass.PersistentMetaClass,
    zodb_reference.persistentclass.PersistentMetaClass,
]


def fill_with_classes(root, metaclass):
    root["classes"] = classes = PersistentMapping()
    attributes = {"__module__": "in.database", "describe": describe, "kind": "first"}
    classes["Plain"] = plain = metaclass("Plain", (object,), attributes)
    classes["Kind"] = kind = metaclass("Kind", (Persistent,), {**attributes, "plain": plain})
    root["holder"] = holder = PersistentMapping()
    holder["instance"] = instance = kind()
    instance.kind = "own"
    holder["value"] = plain()


def check_classes(root):
    classes, holder = root["classes"], root["holder"]
    assert classes["Kind"].plain is classes["Plain"]
    assert type(holder["instance"]) is classes["Kind"]
    assert type(holder["value"]) is classes["Plain"]
    assert (holder["instance"].describe(), holder["value"].describe()) == ("own", "first")


def empty_after_savepoint(root):
    root._p_jar.transaction_manager.savepoint()
    root._p_jar.cacheMinimize()


@pytest.mark.parametrize(("write", "read"), BOTH_WAYS)
def test_what_one_has_written_through_savepoints_both_read(path, write, read):
    def work(root):
        fill(root)
        for _ in range(2):
            empty_after_savepoint(root)
            check(root)
            root["plain"]._p_changed = True

    within(write(path), work)
    within(read(path), check)


@pytest.mark.parametrize("emptied", [False, True])
def test_objects_of_every_kind_are_whole_when_they_are_disowned(path, emptied):
    """So they can be stored again, and have other oids then."""

    def work(root):
        fill(root)
        fill_with_classes(root, zodb_reference.persistentclass.PersistentMetaClass)
        held = dict(root)
        if emptied:
            empty_after_savepoint(root)
        root._p_jar.transaction_manager.abort()
        assert dict(root) == {}
        assert {value._p_oid for value in held.values() if isinstance(value, Persistent)} == {None}
        root.update(held)

    within(reference(path), work)
    within(zodb(path), check)
    within(zodb(path), check_classes)


@pytest.mark.parametrize("metaclass", METACLASSES, ids=["of ZODB", "of the reference"])
@pytest.mark.parametrize(("write", "read"), BOTH_WAYS)
def test_persistent_classes_are_read_by_the_other(path, write, read, metaclass):
    within(write(path), lambda root: fill_with_classes(root, metaclass))
    within(read(path), check_classes)


def test_records_of_persistent_classes_are_the_same_byte_for_byte(tmp_path):
    written = []
    for implementation in IMPLEMENTATIONS:
        path = str(tmp_path / implementation.__name__)
        within(implementation(path), lambda root: fill_with_classes(root, METACLASSES[1]))
        written.append(records(path))
    assert written[0] == written[1]


class Gone:
    """A value whose class will be missing."""

    def __init__(self, content):
        self.content = content


class GoneItem(Persistent):
    """An object whose class will be missing."""


@pytest.mark.parametrize(("first", "second"), [(zodb, reference), (reference, zodb)])
def test_what_one_has_written_while_a_class_was_missing_the_other_makes_whole(
    path, monkeypatch, first, second
):
    def make(root):
        root["holder"] = [Gone("content"), GoneItem()]
        root["holder"][1].x = 1

    def store_again(root):
        root["again"] = root["holder"][1]
        root["copy"] = root["holder"][0]

    within(reference(path), make)
    with monkeypatch.context() as patch:
        patch.delattr(sys.modules[__name__], "Gone")
        patch.delattr(sys.modules[__name__], "GoneItem")
        within(first(path), store_again)
        within(second(path), lambda root: root.__setitem__("touched", True))

    def check_whole(root):
        assert root["again"] is root["holder"][1]
        assert (type(root["again"]), root["again"].x) == (GoneItem, 1)
        for value in (root["copy"], root["holder"][0]):
            assert (type(value), value.content) == (Gone, "content")

    within(second(path), check_whole)
    within(first(path), check_whole)


def test_both_databases_may_be_used_in_turn_on_one_storage(path):
    """The reference leaves nothing in a storage that keeps ZODB from using it."""
    storage = FileStorage(path)
    for count, database in enumerate([zodb_reference.DB, ZODB.DB, zodb_reference.DB]):
        connection = database(storage).open(manager := transaction.TransactionManager())
        assert len(connection.root()) == count
        connection.root()[count] = Item()
        manager.commit()
        connection.close()
    storage.close()


@pytest.mark.parametrize(("writer", "reader"), [(ZODB, zodb_reference), (zodb_reference, ZODB)])
def test_what_one_exports_the_other_imports(writer, reader, tmp_path):
    def opened(package, name):
        return package.DB(FileStorage(str(tmp_path / name)))

    path = str(tmp_path / "export.zexp")
    with closing(opened(writer, "one")) as db, db.transaction() as connection:
        first = connection.root()["first"] = Item()
        first.named, first.back = Named("Jim"), PersistentMapping(first=first)
        connection.transaction_manager.commit()
        connection.exportFile(first._p_oid, path).close()
    with closing(opened(reader, "two")) as db, db.transaction() as connection:
        copy = connection.importFile(path)
        assert copy.named.name == "Jim"
        assert copy.back["first"] is copy
