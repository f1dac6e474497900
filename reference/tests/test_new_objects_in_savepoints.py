"""How long an object is new to several databases where a savepoint has stored it."""

import pytest
from sample_objects import Item
from several_databases import LASTING, commit, refused
from zodb_reference.errors import InvalidObjectReference


def savepoint(connection):
    return connection.transaction_manager.savepoint()


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_the_decision_lasts_over_savepoints_and_changes(pair):
    one, two = pair
    one.root.new = new = Item()
    one.add(new)
    savepoint(one)
    two.root.new = new
    new.x = 1
    savepoint(one)
    new.x = 2
    commit(one)
    assert new._p_jar is one


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_adding_after_a_savepoint_changes_nothing(pair):
    one, two = pair
    one.root.new = new = Item()
    savepoint(one)
    one.add(new)
    two.root.new = new
    refused(one, new)


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_an_object_is_new_until_the_transaction_ends(pair):
    one, two = pair
    one.root.new = new = Item()
    savepoint(one)
    two.root.new = new
    refused(one, new)


@pytest.mark.parametrize("edition", ["2005-06-16"], indirect=True)
def test_an_object_was_new_until_a_savepoint_in_the_edition_of_16_june(pair):
    one, two = pair
    one.root.new = new = Item()
    savepoint(one)
    two.root.new = new
    new.x = 1
    commit(one)
    assert new._p_jar is one


@pytest.mark.parametrize("edition", ["2005-06-16"], indirect=True)
def test_a_savepoint_refuses_what_two_databases_reach_before_it(pair):
    one, two = pair
    one.root.new = two.root.new = new = Item()
    with pytest.raises(InvalidObjectReference, match="it would be a guess"):
        savepoint(one)
    one.transaction_manager.abort()
    assert new._p_oid is None


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_what_was_unlinked_since_is_refused_all_the_same(pair):
    one, two = pair
    one.root.new = new = Item()
    savepoint(one)
    del one.root.new
    two.root.new = new
    refused(one, new)


@pytest.mark.parametrize("edition", LASTING, indirect=True)
def test_rolling_back_to_before_it_was_reached_makes_it_new_for_any_database(pair, edition):
    one, two = pair
    two.root.x = one.root.x = 1
    before = savepoint(one)
    one.root.new = new = Item()
    after = savepoint(one)
    two.root.y = 1
    after.rollback()
    assert new._p_jar is one
    before.rollback()
    if edition == "current":
        two.root.new = new
        commit(one)
        assert new._p_jar is two


@pytest.mark.parametrize("edition", ["2005-06-16"], indirect=True)
def test_a_savepoint_is_complete_when_all_databases_have_made_it(pair):
    """Whichever has changed first, and so makes its share of each savepoint first."""
    one, two = pair
    two.root.x = one.root.x = 1
    for _ in range(3):
        one.root.new = new = Item()
        savepoint(one)
        two.root.new = new
        savepoint(one)
        assert new._p_jar is one
    commit(one)
    one.root.new = two.root.new = new = Item()
    with pytest.raises(InvalidObjectReference, match="it would be a guess"):
        savepoint(one)
