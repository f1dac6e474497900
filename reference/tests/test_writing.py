import io
import pickle
import pickletools

import pytest
import transaction
from persistent import Persistent
from persistent.wref import WeakRef
from zodb_reference import errors
from zodb_reference.oids import maxtid
from zodb_reference.persistentclass import PersistentMetaClass


class Item(Persistent):
    pass


class Named(Persistent):
    calls = 0

    def __new__(cls, name):
        made = super().__new__(cls)
        made.name = name
        return made

    def __getnewargs__(self):
        type(self).calls += 1
        return (self.name,)


class Value:
    """No persistent object, in spite of an attribute that such objects have."""

    _p_oid = None
    _p_jar = None


def record_of(connection, oid):
    return connection.db().storage.loadBefore(oid, maxtid)[0]


def references(record):
    """Return the persistent ids of a record, with classes in place."""
    found = []

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, reference):
            found.append(reference)

    unpickler = Unpickler(io.BytesIO(record))
    unpickler.load(), unpickler.load()
    return found


def commit(connection, **state):
    """Store an object with this state; return its record."""
    item = Item()
    vars(item).update(state)
    connection.add(item)
    connection.transaction_manager.commit()
    return record_of(connection, item._p_oid)


def test_a_record_is_the_class_and_the_state_in_protocol_3(connection):
    record = commit(connection, x=1)
    assert record == (
        b"\x80\x03c%b\nItem\nq\0." % __name__.encode() + b"\x80\x03}q\1X\1\0\0\0xq\2K\1s."
    )
    operations = [opcode.proto for opcode, _, _ in pickletools.genops(record)]
    assert max(operations) <= 3


def test_a_reference_names_oid_and_class(connection):
    target = Item()
    record = commit(connection, target=target)
    assert references(record) == [(target._p_oid, Item)]


def test_a_reference_to_an_object_with_new_arguments_is_the_oid_alone(connection):
    target = Named("first")
    record = commit(connection, target=target)
    assert references(record) == [target._p_oid]


def test_the_arguments_of_new_are_asked_for_only_by_the_record_of_the_object(connection):
    target = Named("first")
    commit(connection, target=target)
    calls = Named.calls
    assert b"first" in record_of(connection, target._p_oid)
    commit(connection, target=target)
    assert Named.calls == calls


def test_a_reference_to_a_persistent_class_is_the_oid_alone(connection):
    target = PersistentMetaClass("Target", (), {"__module__": "in.database"})
    record = commit(connection, target=target)
    assert references(record) == [target._p_oid]


def test_an_instance_of_a_persistent_class_tells_the_class_by_name(connection):
    klass = PersistentMetaClass("Kind", (Persistent,), {"__module__": "in.database"})
    item = klass()
    connection.add(item)
    connection.transaction_manager.commit()
    record = record_of(connection, item._p_oid)
    assert pickle.loads(record) == (("in.database", "Kind"), None)
    assert references(record) == []


def test_a_weak_reference_names_the_oid_only(connection):
    target = Item()
    record = commit(connection, target=WeakRef(target))
    assert references(record) == [["w", (target._p_oid,)]]


def test_a_weak_reference_stores_a_new_target(connection, other):
    target = Item()
    target.name = "target"
    commit(connection, target=WeakRef(target))
    other.sync()
    assert other.get(target._p_oid).name == "target"


def test_a_weak_reference_is_written_again_as_it_was_read(connection, manager, other):
    target = Item()
    connection.root.holder = holder = Item()
    holder.target = WeakRef(target)
    manager.commit()
    other.sync()
    loaded = other.root.holder
    loaded.x = 1
    other.transaction_manager.commit()
    assert references(record_of(connection, holder._p_oid)) == [["w", (target._p_oid,)]]


def test_a_weak_reference_to_an_unknown_database_is_kept(connection):
    reference = WeakRef.__new__(WeakRef)
    reference.oid, reference.database_name = b"12345678", "elsewhere"
    record = commit(connection, target=reference)
    assert references(record) == [["w", (b"12345678", "elsewhere")]]


def test_a_weak_reference_follows_a_target_that_an_abort_made_unsaved(connection, manager):
    target, holder = Item(), Item()
    holder.target = WeakRef(target)
    holder.problem = lambda: 0
    connection.add(holder)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        manager.commit()
    manager.abort()
    assert target._p_oid is None

    del holder.problem
    connection.add(holder)
    manager.commit()
    assert references(record_of(connection, holder._p_oid)) == [["w", (target._p_oid,)]]
    assert record_of(connection, target._p_oid)


@pytest.mark.parametrize("weak", [False, True])
def test_an_object_of_another_connection_cannot_be_referred_to(db, connection, other, weak):
    foreign = Item()
    other.add(foreign)
    with pytest.raises(errors.InvalidObjectReference, match="belongs to"):
        commit(connection, target=WeakRef(foreign) if weak else foreign)
    assert foreign._p_jar is other


def test_a_weak_reference_that_another_connection_loaded_cannot_be_stored(
    connection, manager, other
):
    connection.root.holder = [WeakRef(connection.root())]
    manager.commit()
    other.sync()
    reference = other.root.holder[0]
    with pytest.raises(errors.InvalidObjectReference, match="belongs to"):
        commit(connection, target=reference)


def test_an_object_with_an_oid_and_no_connection_cannot_be_referred_to(connection):
    foreign = Item()
    foreign._p_oid = b"12345678"
    with pytest.raises(errors.InvalidObjectReference, match="belongs to None"):
        commit(connection, target=foreign)


def test_what_is_not_persistent_is_written_by_value(connection, manager, other):
    value = Value()
    value._p_oid = b"12345678"
    value.x = 1
    assert references(commit(connection, value=value)) == []
    connection.root.first, connection.root.second = [value], [value]
    manager.commit()
    connection.root()._p_deactivate()
    assert connection.root.first[0].x == 1


def test_two_holders_have_copies_of_a_value_and_share_the_objects_inside(connection, manager):
    inside = Item()
    value = {"inside": inside}
    connection.root.first, connection.root.second = Item(), Item()
    connection.root.first.value = connection.root.second.value = value
    manager.commit()
    connection.cacheMinimize()
    first, second = connection.root.first.value, connection.root.second.value
    assert first is not second
    assert first["inside"] is second["inside"] is inside


def test_persistent_classes_and_plain_ones_are_told_apart(connection):
    assert references(commit(connection, klass=Item, metaclass=PersistentMetaClass)) == []


def test_what_is_memorized_for_one_record_is_not_used_in_the_next(connection):
    shared = ["shared"] * 3
    first, second = Item(), Item()
    first.value = second.value = shared
    connection.add(first)
    connection.add(second)
    connection.transaction_manager.commit()
    assert record_of(connection, first._p_oid) == record_of(connection, second._p_oid)


def make_local():
    class Local:
        pass

    return Local


@pytest.mark.parametrize("value", [make_local(), make_local()(), lambda: 0, (n for n in [])])
def test_what_cannot_be_pickled_is_refused_with_the_object_that_holds_it(connection, value):
    with pytest.raises((pickle.PicklingError, TypeError, AttributeError)) as caught:
        commit(connection, value=value)
    assert any("while storing Item 0x" in note for note in caught.value.__notes__)


def test_a_large_record_is_warned_of(db):
    db.large_record_size = 1000
    connection = db.open(transaction.TransactionManager())
    with pytest.warns(UserWarning, match="large_record_size is 1000"):
        commit(connection, value="x" * 1000)
    commit(connection, value="x" * 100)
