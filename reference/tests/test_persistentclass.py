import pytest
from persistent import Persistent
from persistent.mapping import PersistentMapping
from zodb_reference.broken import find_global
from zodb_reference.errors import ConnectionStateError
from zodb_reference.oids import z64
from zodb_reference.persistentclass import PersistentMetaClass, is_persistent_class


def describe(self):
    return f"{self.kind} {self.name}"


@pytest.fixture
def stored(connection, manager):
    """A persistent class in the root of `connection`."""
    klass = PersistentMetaClass(
        "Stored", (object,), {"__module__": "in.database", "describe": describe, "kind": "first"}
    )
    connection.root.Stored = klass
    manager.commit()
    return klass


def test_a_new_persistent_class_is_unsaved():
    klass = PersistentMetaClass("New", (), {})
    assert (klass._p_oid, klass._p_jar, klass._p_serial) == (None, None, z64)
    klass.x = 1
    assert klass._p_changed is False


@pytest.mark.parametrize("value", [Persistent, int, PersistentMetaClass, 3, Persistent()])
def test_other_classes_and_values_are_no_persistent_classes(value):
    assert not is_persistent_class(value)


def test_a_stored_class_has_oid_jar_and_serial(stored, connection):
    assert stored._p_jar is connection
    assert stored._p_oid is not None
    assert stored._p_serial > z64
    assert connection.get(stored._p_oid) is stored


def test_another_connection_loads_a_class_of_its_own(stored, other):
    loaded = other.root.Stored
    assert loaded is not stored
    instance = loaded()
    instance.name = "name"
    assert instance.describe() == "first name"
    assert (loaded.__name__, loaded.__module__) == ("Stored", "in.database")


def test_a_change_of_a_class_is_stored(stored, manager, other):
    stored.kind = "second"
    assert stored._p_changed is True
    manager.commit()
    assert stored._p_changed is False
    other.sync()
    assert other.root.Stored.kind == "second"


def test_a_deleted_attribute_of_a_class_is_stored(stored, manager, other):
    del stored.kind
    manager.commit()
    other.sync()
    assert not hasattr(other.root.Stored, "kind")


def test_setting_the_changed_flag_stores_the_class(stored, manager):
    serial = stored._p_serial
    stored._p_changed = True
    manager.commit()
    assert stored._p_serial > serial


def test_volatile_attributes_of_a_class_do_not_change_it(stored):
    stored._v_cached = 1
    assert stored._p_changed is False


def test_aborting_gives_a_class_its_state_back_at_once(stored, manager):
    stored.kind = "second"
    stored.extra = 1
    manager.abort()
    assert vars(stored)["kind"] == "first"
    assert "extra" not in vars(stored)


def test_a_class_is_never_a_ghost(stored, connection):
    stored._p_deactivate()
    stored._p_changed = None
    connection.cacheMinimize()
    assert stored._p_changed is False
    assert stored.kind == "first"


def test_a_class_that_another_connection_has_changed_is_loaded_at_the_boundary(
    stored, manager, other
):
    loaded = other.root.Stored
    loaded.kind = "second"
    other.transaction_manager.commit()
    assert vars(stored)["kind"] == "first"
    manager.begin()
    assert vars(stored)["kind"] == "second"


def test_a_class_that_cannot_be_loaded_again_keeps_no_other_object_from_it(
    stored, connection, manager, other, monkeypatch, caplog
):
    connection.root.item = item = PersistentMapping(x=1)
    manager.commit()
    other.sync()

    load = connection.setstate

    def broken(obj):
        if obj is stored:
            raise ZeroDivisionError
        load(obj)

    with monkeypatch.context() as patch:
        patch.setattr(connection, "setstate", broken)
        stored.kind, item["x"] = "own", 2
        manager.abort()
    assert "could not be restored" in caplog.text
    assert item["x"] == 1

    stored._p_activate()
    other.root.Stored.kind, other.root.item["x"] = "second", 3
    other.transaction_manager.commit()
    with monkeypatch.context() as patch:
        patch.setattr(connection, "setstate", broken)
        with pytest.raises(ZeroDivisionError):
            manager.begin()
    assert item["x"] == 3


def test_a_class_whose_transaction_is_aborted_is_unsaved_again(connection, manager):
    klass = PersistentMetaClass("New", (), {"kind": "new"})
    connection.add(klass)
    assert klass._p_jar is connection
    manager.abort()
    assert (klass._p_jar, klass._p_oid, klass._p_changed) == (None, None, False)
    assert klass.kind == "new"


def test_a_class_may_refer_to_itself(stored, manager, other):
    stored.me = stored
    manager.commit()
    other.sync()
    loaded = other.get(stored._p_oid)
    assert loaded.me is loaded


def test_a_class_of_a_closed_connection_cannot_be_changed(stored, connection):
    connection.close()
    with pytest.raises(ConnectionStateError):
        stored.kind = "second"
    assert (stored.kind, stored._p_changed) == ("first", False)


def test_instances_may_be_persistent_too(db, connection, manager, other):
    def factory(connection, module, name):
        if module == "in.database":
            return connection.root()[name]
        return find_global(module, name)

    db.classFactory = factory
    klass = PersistentMetaClass("Item", (Persistent,), {"__module__": "in.database", "kind": "a"})
    connection.root.Item = klass
    item = klass()
    connection.root.items = PersistentMapping(item=item)
    item.name = "name"
    manager.commit()
    assert item._p_oid != klass._p_oid

    other.sync()
    loaded = other.root.items["item"]
    assert (loaded.name, loaded.kind) == ("name", "a")
    assert type(loaded) is other.root.Item


def test_the_methods_of_persistent_classes_cannot_be_replaced():
    klass = PersistentMetaClass("New", (), {})
    with pytest.raises(AttributeError, match="__getstate__"):
        klass.__getstate__ = None


def test_a_state_with_other_bases_is_refused():
    klass = PersistentMetaClass("New", (), {})
    with pytest.raises(TypeError, match="bases"):
        klass.__setstate__(((Persistent,), {}))
