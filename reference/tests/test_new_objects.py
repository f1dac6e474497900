"""Where new objects land that several databases reach, and when that is refused."""

import pytest
import transaction
from persistent.wref import WeakRef
from sample_objects import Hooked, Item
from several_databases import LASTING, commit, connected, refused
from zodb_reference.editions import EDITIONS, Newness
from zodb_reference.newness import NewObjects


def test_a_new_object_of_two_databases_is_refused_and_new_again(pair, edition):
    one, two = pair
    one.root.new = two.root.new = new = Item()
    error = refused(one, new)
    if edition == "current":
        assert error.args[1:] == (two if two.db().database_name == "2" else one, new)
    else:
        assert len(error.args) == 1
    assert "new" not in one.root()
    assert "new" not in two.root()
    two.root.new = new
    commit(one)
    assert new._p_jar is two


def test_the_refusal_tells_what_to_do(pair, edition):
    one, two = pair
    one.root.new = two.root.new = Item()
    error = refused(one)
    assert "commit" in str(error)
    assert ("savepoint" in str(error)) is (edition == "2005-06-16")
    assert ("add()" in str(error)) is (edition != "2005-06-16")


def test_committing_in_between_decides(pair):
    one, two = pair
    one.root.new = new = Item()
    commit(one)
    two.root.new = new
    commit(one)
    assert new._p_jar is one


def test_an_object_of_one_database_lands_with_the_object_that_leads_to_it(pair):
    one, two = pair
    one.root.first, two.root.second = Item(), Item()
    one.root.first.inner, two.root.second.inner = Item(), Item()
    commit(one)
    assert one.root.first._p_jar is one.root.first.inner._p_jar is one
    assert two.root.second._p_jar is two.root.second.inner._p_jar is two


def test_an_object_does_not_move(pair):
    one, two = pair
    one.root.new = new = Item()
    commit(one)
    oid = new._p_oid
    two.root.new = new
    del one.root.new
    commit(one)
    two.cacheMinimize()
    assert two.root.new is new
    assert (new._p_jar, new._p_oid) == (one, oid)


def test_what_is_refused_is_refused_in_the_vote_too(pair):
    """What the other participants change meanwhile is stored in the vote."""
    one, two = pair
    new = Item()
    hooked = one.root.hooked = Hooked()
    two.root.x = 1
    hooked.new = new

    class Late:
        abort = tpc_begin = tpc_vote = tpc_finish = tpc_abort = lambda self, transaction: None

        def sortKey(self):  # noqa: N802
            return "~"

        def commit(self, transaction):
            two.root.new = new

    one.transaction_manager.get().join(Late())
    refused(one, new, hooked)


# Adding


def test_adding_decides_from_the_second_edition_on(pair, edition):
    one, two = pair
    one.root.new = two.root.new = new = Item()
    one.add(new)
    first = one.db().database_name == "1"
    if edition == "2005-06-16" and first:
        refused(one, new)
    else:
        commit(one)
        assert new._p_jar is one


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_adding_decides_for_that_object_only(pair):
    one, two = pair
    one.root.new = new = Item()
    new.inner = two.root.inner = Item()
    one.add(new)
    refused(one, new, new.inner)
    one.add(new.inner)
    one.root.new = new
    two.root.inner = new.inner
    commit(one)
    assert new._p_jar is new.inner._p_jar is one


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_whatever_was_refused_can_be_added_anywhere(pair):
    one, two = pair
    one.root.new = two.root.new = new = Item()
    new.inner = Item()
    refused(one, new, new.inner)
    two.add(new)
    one.add(new.inner)
    commit(one)
    assert (new._p_jar, new.inner._p_jar) == (two, one)
    two.cacheMinimize()
    assert new.inner._p_jar is one


# Weak references


def test_a_weak_reference_to_what_another_database_stores_first_is_no_ambiguity():
    for one, two in connected("current", "1", "2"):
        one.root.new = new = Item()
        two.root.weak = WeakRef(new)
        commit(one)
        assert new._p_jar is one
        two.cacheMinimize()
        assert two.root.weak() is new


# The first edition


@pytest.mark.parametrize("names", [("1", "2"), ("2", "1")])
def test_in_the_first_edition_the_database_that_stores_first_has_the_object(names):
    for pair in connected("2005-06-10", *names):
        manager = transaction.TransactionManager()
        one, two = (each.db().open(manager) for each in pair)
        one.root.new = two.root.new = new = Item()
        commit(one)
        assert new._p_jar.db().database_name == "1"
        with one.db().transaction() as first, two.db().transaction() as second:
            assert first.root.new._p_oid == second.root.new._p_oid


# The memory


@pytest.mark.parametrize("rules", EDITIONS.values(), ids=lambda rules: rules.edition)
def test_what_is_remembered_of_new_objects(rules):
    new = NewObjects(rules.newness)
    asked = rules.newness is not Newness.NEVER
    new.add(b"a")
    new.adopt(b"b")
    assert [new.is_implicit(oid) for oid in (b"a", b"b", b"c")] == [False, asked, False]
    assert list(new) == [b"a", b"b"]
    new.clear()
    assert list(new) == []
    assert not new.is_implicit(b"b")
