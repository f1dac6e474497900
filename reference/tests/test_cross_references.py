"""References between objects of several databases: written, read, refused."""

import gc
import io
import pickle

import pytest
import transaction
from persistent import Persistent
from persistent.wref import WeakRef
from sample_objects import Item, Named
from several_databases import Collection, record_of
from zodb_reference import DB
from zodb_reference.broken import find_global
from zodb_reference.errors import InvalidObjectReference, POSKeyError, StateLoadError
from zodb_reference.persistentclass import PersistentMetaClass
from zodb_reference.records import own_references

BEFORE_CURRENT = ["2005-06-10", "2005-06-16", "2005-06-17", "2006-08-16"]
ONE_GROUP = ["2005-06-16", "2005-06-17", "2006-08-16", "current"]


class Merging(Persistent):
    """Keeps what both sides have put in, and tells what it compared."""

    compared = []  # noqa: RUF012 - shared by all, so that a test sees it

    def __init__(self):
        self.items = []

    def _p_resolveConflict(self, old, committed, new):
        for first in committed["items"]:
            for second in new["items"]:
                try:
                    same = first == second
                except ValueError:
                    same = False
                self.compared.append((first.database_name, second.database_name, same))
        return new


def references(record):
    """Return the persistent ids of a record."""
    found = []

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, reference):
            found.append(reference)

    unpickler = Unpickler(io.BytesIO(record))
    unpickler.load(), unpickler.load()
    return found


def store(connection, obj=None, **state):
    """Store an object with this state in the root of a connection."""
    obj = obj or Item()
    vars(obj).update(state)
    connection.root()[f"{type(obj).__name__} {len(connection.root())}"] = obj
    connection.transaction_manager.commit()
    return obj


@pytest.fixture
def pair(collection):
    """Connections of one group to the databases "1" and "2"."""
    return collection.connect("1", "2")


# What is written and read


def test_a_reference_names_database_oid_and_class(pair):
    one, two = pair
    target = store(two)
    holder = store(one, target=target)
    assert references(record_of(holder)) == [["m", ("2", target._p_oid, Item)]]


def test_a_reference_to_an_object_with_new_arguments_names_no_class(pair):
    one, two = pair
    target = store(two, Named("first"))
    kind = PersistentMetaClass("Kind", (), {"__module__": "in.database"})
    store(two, kind=kind)
    assert references(record_of(store(one, target=target))) == [["n", ("2", target._p_oid)]]
    assert references(record_of(store(one, kind=kind))) == [["n", ("2", kind._p_oid)]]


def test_a_weak_reference_names_the_database(pair):
    one, two = pair
    target = store(two)
    holder = store(one, target=WeakRef(target))
    assert references(record_of(holder)) == [["w", (target._p_oid, "2")]]


def test_only_strong_references_to_own_objects_are_listed(pair):
    one, two = pair
    foreign, own = store(two), store(one)
    holder = store(one, own=own, foreign=foreign, weak=WeakRef(foreign), own_weak=WeakRef(own))
    assert own_references(record_of(holder)) == [own._p_oid]
    assert one.db().references(record_of(holder)) == [own._p_oid]


@pytest.mark.parametrize("make", [Item, lambda: Named("first")])
def test_what_is_read_belongs_to_the_connection_of_the_group(collection, pair, make):
    target = store(pair[1], make(), x=1)
    store(pair[0], target=target)
    (one,) = collection.connect("1")
    read = one.root()["Item 0"].target
    assert one.connections["2"] is read._p_jar
    assert read._p_jar.transaction_manager is one.transaction_manager
    assert read._p_jar.root()[f"{type(target).__name__} 0"] is read
    assert read is not target
    assert (read._p_oid, read.x) == (target._p_oid, 1)


def test_references_from_several_databases_give_the_same_object(collection):
    collection.add("3")
    one, two, three = collection.connect("1", "2", "3")
    target = store(three)
    store(one, target=target)
    store(two, target=target, other=WeakRef(target))
    again, second, third = collection.connect("2", "1", "3")
    found = [
        again.root()["Item 0"].target,
        again.root()["Item 0"].other(),
        second.root()["Item 0"].target,
        third.root()["Item 0"],
    ]
    assert all(each is found[0] for each in found)


def test_chains_and_cycles_lead_through_any_number_of_databases(collection):
    names = "123456"
    for name in names[2:]:
        collection.add(name)
    connections = collection.connect(*names)
    for connection in connections:
        connection.root.item = Item()
    connections[0].transaction_manager.commit()
    for place, connection in enumerate(connections):
        connection.root.item.next = connections[(place + 1) % len(names)].root.item
    connections[0].transaction_manager.commit()
    (first,) = collection.connect("1")
    item, seen = first.root.item, []
    for _ in names:
        seen.append(item._p_jar.db().database_name)
        item = item.next
    assert item is first.root.item
    assert seen == list(names)


def test_a_change_of_what_was_reached_is_stored_in_its_own_database(collection, pair):
    store(pair[0], target=store(pair[1], x=1))
    (one,) = collection.connect("1")
    one.root()["Item 0"].target.x = 2
    one.transaction_manager.commit()
    with collection.databases["2"].transaction() as another:
        assert another.root()["Item 0"].x == 2


def test_the_class_in_a_reference_is_found_by_the_database_that_refers():
    asked = []

    def factory(name):
        def find(connection, module, qualified):
            asked.append((name, qualified))
            return find_global(module, qualified)

        return find

    with Collection() as collection:
        for name in "12":
            collection.add(name, class_factory=factory(name))
        one, two = collection.connect("1", "2")
        store(one, target=store(two, x=1))
        (one,) = collection.connect("1")
        one.root()["Item 0"]._p_activate()
        asked.clear()
        one.root()["Item 0"]._p_invalidate()
        one.cacheMinimize()
        gc.collect()
        target = one.root()["Item 0"].target
        assert ("1", "Item") in asked
        assert ("2", "Item") not in asked
        assert target.x == 1
        assert ("2", "Item") in asked


def test_a_reference_to_a_missing_object_is_broken_where_it_is_used(collection, pair):
    """With the class in the reference there is a ghost; without it the holder cannot be loaded."""
    one, two = pair
    ghost, named = store(two), store(two, Named("first"))
    holders = store(one, target=ghost), store(one, target=named)
    del two.db().storage._history._revisions[ghost._p_oid]
    del two.db().storage._history._revisions[named._p_oid]
    (fresh,) = collection.connect("1")
    target = fresh.get(holders[0]._p_oid).target
    with pytest.raises(POSKeyError):
        target._p_activate()
    with pytest.raises(POSKeyError):
        fresh.get(holders[1]._p_oid).target  # noqa: B018


def test_conflict_resolution_tells_references_apart_by_name_and_oid(collection):
    collection.add("3")
    Merging.compared.clear()
    one, two, three = collection.connect("1", "2", "3")
    merging = store(one, Merging())
    first, second = store(two), store(three)
    assert first._p_oid == second._p_oid
    again, two_again = collection.connect("1", "2")
    same = again.get(merging._p_oid)
    same.items = [two_again.get(first._p_oid)]
    again.transaction_manager.commit()
    merging.items = [first, second]
    one.transaction_manager.commit()
    assert Merging.compared == [("2", "2", True), ("2", "3", False)]


# Names that lead nowhere


def test_a_holder_that_names_an_unknown_database_cannot_be_loaded(collection, pair):
    store(pair[0], target=store(pair[1]))
    alone = DB(pair[0].db().storage)
    with (
        alone.transaction() as connection,
        pytest.raises(StateLoadError, match="no database of this collection has the name '2'"),
    ):
        connection.root()["Item 0"].target  # noqa: B018


def test_a_name_that_another_database_has_leads_into_that_one(collection, pair):
    target = store(pair[1], x="old")
    store(pair[0], target=target)
    collection.databases["2"].close()
    collection.add("2")
    _, two = collection.connect("1", "2")
    while (other := store(two, x="new"))._p_oid < target._p_oid:
        pass
    with collection.databases["1"].transaction() as connection:
        assert connection.root()["Item 0"].target.x == other.x


def test_a_weak_reference_that_leads_nowhere_yields_none_and_is_kept(collection, pair):
    one, two = pair
    target = store(two)
    holder = store(one, target=WeakRef(target), x=1)
    written = references(record_of(holder))
    collection.databases["2"].close()
    (one,) = collection.connect("1")
    holder = one.get(holder._p_oid)
    assert holder.target() is None
    holder.x = 2
    one.transaction_manager.commit()
    assert references(record_of(holder)) == written
    collection.add("2")
    with collection.databases["1"].transaction() as connection:
        assert connection.get(holder._p_oid).target() is None


# What is refused


def refused(connection, match, **state):
    holder = Item()
    vars(holder).update(state)
    connection.root.refused = holder
    with pytest.raises(InvalidObjectReference, match=match) as caught:
        connection.transaction_manager.commit()
    connection.transaction_manager.abort()
    assert (holder._p_jar, holder._p_oid) == (None, None)
    assert "refused" not in connection.root()
    return caught.value


@pytest.mark.parametrize("weak", [False, True])
def test_an_object_outside_of_the_collection_is_refused(collection, weak):
    with Collection() as others:
        others.add("2")
        one, _ = collection.connect("1", "2")
        (foreign,) = others.connect("2")
        target = store(foreign)
        reference = WeakRef(target) if weak else target
        error = refused(one, "no database of the collection", target=reference)
        assert error.args[1:] == (one, target)
        assert target._p_jar is foreign


@pytest.mark.parametrize("edition", ONE_GROUP)
@pytest.mark.parametrize("name", ["1", "2"])
def test_an_object_of_a_separate_connection_is_refused(edition, name):
    with Collection(edition=edition) as collection:
        collection.add("1")
        collection.add("2")
        one, _ = collection.connect("1", "2")
        separate = collection.databases[name].open(transaction_manager=one.transaction_manager)
        target = store(separate)
        error = refused(one, "separate connection.*load the object through get_c", target=target)
        assert error.args[1:] == ((one, target) if edition == "current" else ())
        assert "get_connection" in str(error)


@pytest.mark.parametrize("name", ["1", "2"])
def test_a_weak_reference_to_an_object_of_a_separate_connection_is_refused(collection, name):
    one, _ = collection.connect("1", "2")
    (separate,) = collection.connect(name)
    target = store(separate)
    one.sync()
    refused(one, "separate connection", target=WeakRef(target))


@pytest.mark.parametrize("edition", BEFORE_CURRENT)
def test_before_the_current_edition_a_weak_reference_names_no_database(edition):
    with Collection(edition=edition) as collection, Collection(edition=edition) as others:
        collection.add("1")
        collection.add("2")
        others.add("3")
        one, two = collection.connect("1", "2")
        (outside,) = others.connect("3")
        for connection in (two, outside):
            target = store(connection)
            holder = store(one, target=WeakRef(target))
            assert references(record_of(holder)) == [["w", (target._p_oid,)]]
        two.close()


def test_in_the_first_edition_separate_connections_may_refer_to_each_other():
    with Collection(edition="2005-06-10") as collection:
        collection.add("1")
        collection.add("2")
        (one,), (two,) = collection.connect("1"), collection.connect("2")
        first = store(one, x=1)
        second = store(two, first=first)
        assert references(record_of(second)) == [["m", ("1", first._p_oid, Item)]]
        (another,) = collection.connect("1")
        third = store(another, first=first)
        assert references(record_of(third)) == [["m", ("1", first._p_oid, Item)]]
        read = collection.databases["2"].open()
        found = read.get(second._p_oid).first
        assert found is not first
        assert (found._p_jar.db(), found._p_oid, found.x) == (one.db(), first._p_oid, 1)
        with Collection(edition="2005-06-10") as others:
            others.add("1")
            (outside,) = others.connect("1")
            error = refused(two, "no database of the collection", target=store(outside))
            assert len(error.args) == 1


# The option xrefs


@pytest.fixture
def closed_off():
    """Connections to "1", which may refer to nothing else, and to "2"."""
    with Collection() as collection:
        collection.add("1", xrefs=False)
        collection.add("2")
        yield collection.connect("1", "2")


def test_without_xrefs_no_object_may_refer_to_another_database(closed_off):
    one, two = closed_off
    target = store(two)
    error = refused(one, "opened with xrefs=False", target=target)
    assert error.args[1:] == (one, target)


def test_without_xrefs_an_object_may_be_referred_to_and_refer_weakly(closed_off):
    one, two = closed_off
    store(two, target=store(one, x=1))
    holder = store(one, target=WeakRef(store(two)))
    assert holder.target()._p_jar is two


def test_without_xrefs_references_that_there_are_can_be_read_and_not_stored_again(collection, pair):
    holder = store(pair[0], target=store(pair[1], x=1))
    storage = collection.databases.pop("1").storage
    collection.add("1", storage, xrefs=False)
    (one,) = collection.connect("1")
    holder = one.get(holder._p_oid)
    assert holder.target.x == 1
    holder.y = 1
    with pytest.raises(InvalidObjectReference, match="xrefs=False"):
        one.transaction_manager.commit()
    one.transaction_manager.abort()
    holder.target = None
    one.transaction_manager.commit()


def test_the_managers_of_two_groups_make_no_difference(collection):
    """Opened separately, connections are of two groups, also with one transaction manager."""
    manager = transaction.TransactionManager()
    one, two = (collection.databases[name].open(manager) for name in "12")
    target = store(two)
    refused(one, "separate connection", target=target)
    store(one, target=one.get_connection("2").get(target._p_oid))


@pytest.mark.parametrize("edition", [*BEFORE_CURRENT, "current"])
@pytest.mark.parametrize("klass", [Item, lambda: Named("n")])
def test_an_object_of_a_database_with_an_empty_name_is_referred_to_by_that_name(klass, edition):
    with Collection(edition=edition) as collection:
        collection.add("1")
        collection.add("")
        one, nameless = collection.connect("1", "")
        target = store(nameless, klass())
        source = store(one, target=target)
        assert references(record_of(source))[0][1][0] == ""
