import contextlib

import pytest
from persistent import Persistent
from persistent.wref import WeakRef
from transaction import TransactionManager
from zodb_reference import DB, errors
from zodb_reference.oids import p64, z64


class Item(Persistent):
    pass


class Demanding(Persistent):
    """Came to want an argument, which references to it do not have."""

    arguments = ()

    def __new__(cls, name):
        cls.arguments = (*cls.arguments, name)
        return super().__new__(cls)


class Failing(Persistent):
    failure = None

    def __setstate__(self, state):
        super().__setstate__(state)
        if self.failure is not None:
            raise self.failure


HERE = __name__.encode()


def load(connection, state, description=b"c%b\nItem\n." % HERE):
    """Return the state that `connection` reads from a record."""
    return connection.reader.state(description + state)


def referring(form: bytes) -> bytes:
    """Return a pickle of the persistent id that `form` pushes."""
    return form + b"Q."


@pytest.fixture
def item(connection, manager):
    connection.root.item = item = Item()
    item.name = "item"
    manager.commit()
    return item


OID = b"\x80\3C\x08" + p64(1)


@pytest.mark.parametrize(
    "form",
    [
        OID,
        b"U\x08" + p64(1),
        b"S'" + b"\\x00" * 7 + b"\\x01'\n",
        b"(" + OID + b"c%b\nItem\nt" % HERE,
        b"(" + b"U\x08" + p64(1) + b"(V%b\nVItem\ntt" % HERE,
        b"(lVn\na(Vunnamed\n" + OID + b"ta",
        b"(lVm\na(Vunnamed\n" + OID + b"c%b\nItem\nta" % HERE,
    ],
    ids=["oid", "oid of Python 2", "oid as text", "with class", "with a name", "n", "m"],
)
def test_every_form_of_a_strong_reference_leads_to_the_object(item, connection, form):
    assert load(connection, referring(form)) is item


@pytest.mark.parametrize(
    "form",
    [
        b"(l" + OID + b"a",
        b"(lVw\na(" + OID + b"ta",
        b"(lVw\na(" + OID + b"Vunnamed\nta",
    ],
    ids=["legacy", "own", "named"],
)
def test_every_form_of_a_weak_reference_leads_to_the_object(item, connection, form):
    reference = load(connection, referring(form))
    assert isinstance(reference, WeakRef)
    assert reference() is item


def test_a_weak_reference_to_an_unknown_database_is_dead(item, connection):
    reference = load(connection, referring(b"(lVw\na(" + OID + b"Velsewhere\nta"))
    assert reference() is None
    assert reference.database_name == "elsewhere"


@pytest.mark.parametrize(
    "form",
    [b"(lVx\na(" + OID + b"ta", b"(lVn\na(Velsewhere\n" + OID + b"ta", b"K\1"],
    ids=["unknown kind", "unknown database", "number"],
)
def test_a_reference_that_cannot_be_resolved_makes_the_state_unreadable(connection, form):
    with pytest.raises(errors.StateLoadError) as caught:
        connection.reader.set_state(Item(), b"c%b\nItem\n." % HERE + referring(form))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    "description",
    [
        b"c%b\nItem\n.",
        b"(c%b\nItem\nNt.",
        b"(c%b\nItem\n)t.",
        b"((V%b\nVItem\ntNt.",
        b"((V%b\nVItem\nt)t.",
    ],
)
def test_every_description_of_a_class_makes_a_ghost(connection, description):
    ghost = connection.reader.ghost(description % HERE + b"N.")
    assert type(ghost) is Item
    assert ghost._p_jar is None


@pytest.mark.parametrize(
    "description", [b"(c%b\nDemanding\n(Vx\ntt.", b"((V%b\nVDemanding\nt(Vx\ntt."]
)
def test_the_arguments_of_new_come_from_the_record(connection, description):
    connection.reader.ghost(description % HERE + b"N.")
    assert Demanding.arguments[-1] == "x"


def test_where_a_reference_lacks_the_arguments_the_record_is_read(connection, manager, other):
    item = Demanding("first")
    connection.root.item = item
    Demanding.__getnewargs__ = lambda self: ("from the record",)
    manager.commit()
    del Demanding.__getnewargs__
    other.sync()
    form = b"(\x80\3C\x08" + item._p_oid + b"c%b\nDemanding\nt" % HERE
    assert load(other, referring(form)) is other.get(item._p_oid)
    assert Demanding.arguments[-1] == "from the record"


def test_a_record_whose_class_cannot_make_an_instance_is_reported(connection):
    with pytest.raises(errors.StateLoadError, match=r"test_reading\.Demanding") as caught:
        connection.reader.ghost(b"c%b\nDemanding\n.N." % HERE)
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("edition", ["2005-06-10", "2006-08-16"])
def test_in_older_editions_a_failure_of_setstate_surfaces(monkeypatch, edition):
    with contextlib.closing(DB(edition=edition)) as db:
        manager = TransactionManager()
        connection = db.open(transaction_manager=manager)
        connection.root.failing = failing = Failing()
        manager.commit()
        failing._p_deactivate()
        failure = AttributeError("name")
        monkeypatch.setattr(Failing, "failure", failure)
        with pytest.raises(AttributeError) as caught:
            _ = failing.x
        assert caught.value is failure
        assert failing._p_changed is None


@pytest.mark.parametrize("failure", [ValueError("bad"), KeyError("name"), RecursionError()])
def test_a_failure_of_setstate_is_the_cause_of_a_state_load_error(
    connection, manager, monkeypatch, failure
):
    connection.root.failing = failing = Failing()
    failing.x = 1
    manager.commit()
    failing._p_deactivate()
    monkeypatch.setattr(Failing, "failure", failure)
    with pytest.raises(errors.StateLoadError) as caught:
        _ = failing.x
    assert caught.value.__cause__ is failure
    assert failing._p_changed is None

    monkeypatch.setattr(Failing, "failure", None)
    assert failing.x == 1


@pytest.mark.parametrize("failure", [errors.ReadConflictError("later"), errors.POSKeyError(z64)])
def test_an_error_of_the_database_passes_through_setstate(
    connection, manager, monkeypatch, failure
):
    connection.root.failing = failing = Failing()
    failing.x = 1
    manager.commit()
    failing._p_deactivate()
    monkeypatch.setattr(Failing, "failure", failure)
    with pytest.raises(type(failure)) as caught:
        _ = failing.x
    assert caught.value is failure


def test_a_state_of_none_is_handed_on(connection, manager, monkeypatch):
    states = []
    monkeypatch.setattr(Item, "__getstate__", lambda self: None)
    monkeypatch.setattr(Item, "__setstate__", lambda self, state: states.append(state))
    connection.root.item = item = Item()
    manager.commit()
    item._p_deactivate()
    item._p_activate()
    assert states == [None]


def test_classes_are_found_by_the_factory_of_the_database(db, item, other):
    calls = []

    def factory(connection, module, name):
        calls.append((connection, module, name))
        return Item

    db.classFactory = factory
    other.sync()
    assert type(other.get(item._p_oid)) is Item
    assert (other, __name__, "Item") in calls
