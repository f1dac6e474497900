"""Weak references across databases, and the new objects that they lead to."""

import pytest
from persistent.mapping import PersistentMapping
from persistent.wref import WeakRef
from sample_objects import Hooked, is_unsaved
from transaction import TransactionManager
from zodb_reference.errors import InvalidObjectReference


@pytest.fixture
def members(collection):
    """Two connections of one group."""
    one, two = collection.connect("1", "2")
    yield one, two
    one.transaction_manager.abort()


@pytest.fixture
def manager(members):
    return members[0].transaction_manager


@pytest.fixture(params=[False, True], ids=["forwards", "backwards"])
def in_both_orders(request, members):
    """The same, in one order and in the other: one of the two is that of storing."""
    return members[::-1] if request.param else members


def records(connection):
    return len(connection.db().storage)


def test_a_new_object_belongs_to_who_refers_to_it_strongly(in_both_orders, manager):
    strong, weak = in_both_orders
    new = strong.root()["new"] = PersistentMapping(child=PersistentMapping())
    weak.root()["weak"] = WeakRef(new)
    manager.commit()
    assert new._p_jar is new["child"]._p_jar is strong
    assert (records(strong), records(weak)) == (3, 1)
    found = weak.db().open(TransactionManager()).root()["weak"]()
    assert (found._p_jar.db(), found._p_oid) == (strong.db(), new._p_oid)


def test_where_nobody_else_does_it_is_stored_with_the_weak_reference(members, manager):
    one, two = members
    new = PersistentMapping(child=PersistentMapping())
    one.root()["weak"] = WeakRef(new)
    two.root()["changed"] = True
    manager.commit()
    assert new._p_jar is new["child"]._p_jar is one
    assert records(one) == 3


def test_where_both_do_so_weakly_one_stores_it_for_both(members, manager):
    one, two = members
    new = PersistentMapping()
    one.root()["weak"], two.root()["weak"] = WeakRef(new), WeakRef(new)
    manager.commit()
    assert new._p_jar in members
    assert records(one) + records(two) == 3
    for connection in members:
        found = connection.db().open(TransactionManager()).root()["weak"]()
        assert found._p_oid == new._p_oid


def test_what_is_put_off_counts_the_strong_references_beside(in_both_orders, manager):
    one, two = in_both_orders
    new = PersistentMapping()
    one.root()["weak"], one.root()["strong"] = WeakRef(new), new
    two.root()["strong"] = new
    with pytest.raises(InvalidObjectReference):
        manager.commit()
    manager.abort()
    assert is_unsaved(new)
    assert (records(one), records(two)) == (1, 1)


def test_what_is_put_off_is_stored_with_what_has_changed_meanwhile(in_both_orders, manager):
    one, two = in_both_orders
    one.root()["weak"] = WeakRef(PersistentMapping())
    two.root()["busy"] = busy = Hooked()
    busy._v_hook = lambda: one.root().update(late=True)
    manager.commit()
    busy._v_hook = None
    assert one.db().open(TransactionManager()).root()["late"]


def test_a_refused_commit_leaves_what_was_put_off_unsaved(in_both_orders, manager):
    one, two = in_both_orders
    new = PersistentMapping()
    one.root()["weak"] = WeakRef(new)
    two.root()["unpicklable"] = lambda: None
    with pytest.raises(Exception, match=r"pickle|local object"):
        manager.commit()
    manager.abort()
    assert is_unsaved(new)
    one.root()["strong"] = new
    manager.commit()
    assert new._p_jar is one


def test_a_savepoint_stores_it_where_the_weak_reference_is(members, manager):
    one, two = members
    new = PersistentMapping()
    one.root()["weak"] = WeakRef(new)
    manager.savepoint()
    assert new._p_jar is one
    two.root()["strong"] = new
    with pytest.raises(InvalidObjectReference):
        manager.commit()
