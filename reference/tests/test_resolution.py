import io
import logging
import pickle
import sys
import types

import BTrees.OOBTree
import pytest
import ZODB.POSException
from persistent import Persistent
from persistent.wref import WeakRef
from zodb_reference import errors
from zodb_reference.oids import p64
from zodb_reference.resolution import PersistentReference, merge, resolve
from zodb_reference.writing import RecordWriter


class Counter(Persistent):
    """Adds up what both have added; keeps whatever else the new state has."""

    def _p_resolveConflict(self, old, committed, new):
        return {**new, "value": committed["value"] + new["value"] - old["value"]}


class Chooser(Persistent):
    """Lets a test look at the states."""

    seen = ()
    result = None

    def _p_resolveConflict(self, *states):
        type(self).seen = states
        return states[2] if self.result is None else self.result(*states)


class WithArguments(Persistent):
    def __new__(cls, name):
        made = super().__new__(cls)
        made.name = name
        return made

    def __getnewargs__(self):
        return ("made",)

    def _p_resolveConflict(self, old, committed, new):
        return {"name of the instance": self.name, "its jar": self._p_jar}


class Plain(Persistent):
    pass


class Owner:
    """What RecordWriter needs of a connection: objects get their oids in the order met."""

    database_name = "own"

    def __init__(self):
        self.count = 0
        self.writer = RecordWriter(self)

    def db(self):
        return self

    def adopt(self, obj):
        self.count += 1
        obj._p_oid = p64(self.count)
        obj._p_jar = self
        return obj._p_oid

    def register(self, obj):
        pass

    def record(self, obj):
        return self.writer.record(self.writer.description(obj), obj.__getstate__())


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
def record(owner):
    """Return what makes a record of a class with the given state."""

    def make(klass, *args, **state):
        obj = klass(*args)
        vars(obj).update(state)
        return owner.record(obj)

    return make


def resolve_records(old, committed, new, **options):
    return resolve(p64(7), p64(3), p64(2), old, committed, new, **options)


def test_the_class_of_the_object_merges_the_states(record):
    merged = resolve_records(
        record(Counter, value=1), record(Counter, value=11), record(Counter, value=3, name="new")
    )
    assert merged == record(Counter, value=13, name="new")


def test_the_resolver_is_called_on_a_new_instance_without_a_jar(record):
    data = record(WithArguments, "first")
    assert b"name of the instance" in (merged := merge(data, data, data))
    assert b"made" in merged


def test_references_are_opaque_values(owner, record):
    target = Plain()
    data = record(
        Chooser,
        plain=target,
        args=WithArguments("x"),
        weak=WeakRef(target),
    )
    merge(data, data, data)
    state = Chooser.seen[0]
    assert {name: (ref.oid, ref.weak, ref.klass) for name, ref in state.items()} == {
        "plain": (p64(1), False, Plain),
        "args": (p64(2), False, None),
        "weak": (p64(1), True, None),
    }
    assert {ref.database_name for ref in state.values()} == {None}


def test_references_to_other_databases_tell_the_name():
    refs = [
        PersistentReference(["m", ("other", p64(1), Plain)]),
        PersistentReference(["n", ("other", p64(1))]),
        PersistentReference(["w", (p64(1), "other")]),
    ]
    assert [(ref.oid, ref.database_name, ref.weak) for ref in refs] == [
        (p64(1), "other", False),
        (p64(1), "other", False),
        (p64(1), "other", True),
    ]


def test_a_legacy_weak_reference_is_weak():
    ref = PersistentReference([p64(1)])
    assert (ref.oid, ref.weak) == (p64(1), True)


def test_an_oid_that_python_2_wrote_is_bytes():
    assert PersistentReference(("\0\0\0\0\0\0\0a", Plain)).oid == p64(97)


def test_references_to_one_object_are_equal():
    one = PersistentReference((p64(1), Plain))
    same = PersistentReference(p64(1))
    assert one == same
    assert (one != same, one < same, one <= same, one > same, one >= same) == (
        False,
        False,
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    "different",
    [
        PersistentReference(p64(2)),
        PersistentReference(["n", ("other", p64(1))]),
        PersistentReference(["w", (p64(1),)]),
        p64(1),
        None,
    ],
)
def test_other_comparisons_of_references_are_refused(different):
    one = PersistentReference(p64(1))
    with pytest.raises(ValueError, match="cannot be compared"):
        _ = one == different
    with pytest.raises(ValueError, match="cannot be compared"):
        _ = one != different
    with pytest.raises(ValueError, match="cannot be compared"):
        _ = one < different
    with pytest.raises(ValueError, match="cannot be compared"):
        _ = one >= different


def test_a_weak_reference_equals_only_itself():
    one, same = PersistentReference(["w", (p64(1),)]), PersistentReference(["w", (p64(1),)])
    assert one == one
    with pytest.raises(ValueError, match="cannot be compared"):
        _ = one == same


def test_an_unchanged_weak_reference_is_the_same_value_in_all_states(record):
    data = record(Chooser, weak=WeakRef(Plain()))
    merge(data, data, data)
    old, committed, new = Chooser.seen
    assert old["weak"] is committed["weak"] is new["weak"]


def test_buckets_with_persistent_values_are_merged(owner):
    """BTrees compare the values that two states have for a key, also by order."""
    values = [Plain(), Plain(), Plain()]

    def bucket(*keys):
        return owner.record(BTrees.OOBTree.OOBucket({key: values[key] for key in keys}))

    first, second, third = bucket(0), bucket(0, 1), bucket(0, 2)
    assert resolve_records(first, second, third) == bucket(0, 1, 2)


@pytest.fixture
def shop():
    """A module of the application, with a class for values and one for objects."""
    module = types.ModuleType("shop")

    class Price:
        __module__ = "shop"
        __qualname__ = "Price"

    class Customer(Persistent):
        __module__ = "shop"
        __qualname__ = "Customer"

    module.Price, module.Customer = Price, Customer
    sys.modules["shop"] = module
    yield module
    sys.modules.pop("shop", None)


def test_classes_of_objects_referred_to_need_not_be_importable(record, shop):
    states = [record(Counter, value=value, customer=shop.Customer()) for value in (1, 2, 3)]
    customer = shop.Customer
    del sys.modules["shop"]
    merged = resolve_records(*states)
    sys.modules["shop"] = types.SimpleNamespace(Customer=customer)
    reference = []

    class Unpickler(pickle.Unpickler):
        persistent_load = reference.append

    unpickler = Unpickler(io.BytesIO(merged))
    assert unpickler.load() is Counter
    assert unpickler.load()["value"] == 4
    assert reference == [(p64(3), ("shop", "Customer"))]


def test_a_class_kept_by_name_in_a_reference_to_another_database_stays_a_name(owner):
    ref = PersistentReference(["m", ("other", p64(1), ("shop", "Customer"))])
    assert ref.data == ["m", ("other", p64(1), ("shop", "Customer"))]


def test_a_value_of_a_missing_class_prevents_the_merge(record, shop, caplog):
    states = [record(Counter, value=value, price=shop.Price()) for value in (1, 2, 3)]
    del sys.modules["shop"]
    caplog.set_level(logging.DEBUG)
    with pytest.raises(errors.ConflictError):
        resolve_records(*states)
    assert "shop.Price, which cannot be imported" in caplog.text


def test_a_missing_class_prevents_the_merge(record, shop):
    states = [record(shop.Customer, value=value) for value in (1, 2, 3)]
    del sys.modules["shop"]
    with pytest.raises(errors.ConflictError):
        resolve_records(*states)


def test_a_class_without_the_method_leaves_the_conflict(record):
    data = record(Plain, x=1)
    with pytest.raises(errors.ConflictError) as caught:
        resolve_records(data, data, data)
    assert caught.value.oid == p64(7)
    assert caught.value.serials == (p64(3), p64(2))
    assert caught.value.class_name == f"{__name__}.Plain"


@pytest.mark.parametrize("missing", [0, 1])
def test_a_revision_that_is_gone_leaves_the_conflict(record, missing):
    records = [record(Counter, value=1)] * 3
    records[missing] = None
    with pytest.raises(errors.ConflictError):
        resolve_records(*records)


@pytest.mark.parametrize("failure", [ZeroDivisionError("by zero"), SystemExit(3)])
def test_what_a_resolver_raises_is_logged_and_becomes_a_conflict(
    record, monkeypatch, caplog, failure
):
    def fail(self, old, committed, new):
        raise failure

    monkeypatch.setattr(Chooser, "_p_resolveConflict", fail)
    data = record(Chooser)
    with pytest.raises(errors.ConflictError) as caught:
        resolve_records(data, data, data)
    assert caught.value.__context__ is caught.value.__cause__ is None
    assert caplog.records[0].exc_info[1] is failure


def test_a_resolver_that_refuses_leaves_the_conflict_quietly(record, monkeypatch, caplog):
    def refuse(self, old, committed, new):
        raise errors.ConflictError("both have changed the name")

    monkeypatch.setattr(Chooser, "_p_resolveConflict", refuse)
    data = record(Chooser)
    with pytest.raises(errors.ConflictError):
        resolve_records(data, data, data)
    assert caplog.records == []


def test_an_interrupt_is_not_taken_for_a_conflict(record, monkeypatch):
    def interrupted(self, old, committed, new):
        raise KeyboardInterrupt

    monkeypatch.setattr(Chooser, "_p_resolveConflict", interrupted)
    data = record(Chooser)
    with pytest.raises(KeyboardInterrupt):
        resolve_records(data, data, data)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"K\x01.N.", b"(K\x01K\x02K\x03t.N."])
def test_a_record_that_makes_no_sense_leaves_the_conflict(data):
    with pytest.raises(errors.ConflictError):
        resolve_records(data, data, data)


def test_a_result_that_cannot_be_written_leaves_the_conflict(record, monkeypatch):
    monkeypatch.setattr(Chooser, "_p_resolveConflict", lambda self, *states: {"f": lambda: 0})
    data = record(Chooser)
    with pytest.raises(errors.ConflictError):
        resolve_records(data, data, data)


def test_the_caller_chooses_the_errors(record):
    data = record(Plain)
    with pytest.raises(ZODB.POSException.ConflictError):
        resolve_records(data, data, data, errors=ZODB.POSException)


@pytest.mark.parametrize("newargs", [b"N", b")"])
def test_older_descriptions_of_the_class_are_understood(record, newargs):
    module, name = __name__.encode(), b"Counter"
    state = record(Counter, value=1)[len(record(Counter)) - len(b"\x80\x03}q\1.") :]
    by_name = b"((V%b\nV%b\nt%bt." % (module, name, newargs)
    by_class = b"(c%b\n%b\n%bt." % (module, name, newargs)
    for description in (by_name, by_class):
        data = description + state
        assert resolve_records(data, data, data).endswith(b"K\1s.")
