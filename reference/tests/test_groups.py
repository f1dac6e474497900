"""Groups of connections: opened, closed and pooled together; each alone in the first editions."""

import gc
import logging
import threading
import weakref

import pytest
import transaction
from sample_objects import Item
from several_databases import Collection
from zodb_reference.connections import Connection
from zodb_reference.errors import ConnectionStateError

ALONE = ["2005-06-10", "2005-06-16"]


@pytest.fixture
def three(collection):
    """Connections of one group to the databases "1", "2" and "3"."""
    collection.add("3")
    return collection.connect("1", "2", "3")


def open_again(connection):
    return connection.db().open(transaction.TransactionManager())


# The members


def test_every_member_gives_the_same_connections_every_time(three):
    for member in three:
        assert [member.get_connection(name) for name in "123"] == three
    assert three[0].connections is three[1].connections is three[2].connections
    assert three[0].connections == dict(zip("123", three, strict=True))


def test_a_secondary_has_the_manager_of_the_member_that_was_asked(collection, three):
    assert len({member.transaction_manager for member in three}) == 1
    collection.add("4")
    assert three[2].get_connection("4").transaction_manager is three[0].transaction_manager


def test_a_secondary_opened_by_another_thread_has_the_manager_of_the_group(collection):
    """Which thread uses a connection makes no difference: its manager was chosen by `open`."""
    primary = collection.databases["1"].open()

    def work():
        primary.get_connection("2").root.x = 1
        transaction.commit()  # that of this thread, which has nothing to do with it

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert primary.get_connection("2").joined is transaction.get()
    transaction.commit()
    with collection.databases["2"].transaction() as another:
        assert another.root.x == 1
    primary.close()


def test_an_unknown_name_is_told_with_those_that_there_are(three):
    with pytest.raises(KeyError, match="no database of this collection has the name 'no way', it"):
        three[0].get_connection("no way")
    assert set(three[0].connections) == {"1", "2", "3"}


def test_the_own_name_gives_the_connection_itself_whatever_the_mapping_says(collection):
    (one,) = collection.connect("1")
    collection.databases.clear()
    assert one.get_connection("1") is one
    one.close()
    assert one.get_connection("1") is one


def test_a_closed_connection_opens_no_other(three):
    three[0].close()
    for member in three:
        for other in {"1", "2", "3", "4"} - {member.db().database_name}:
            with pytest.raises(ConnectionStateError, match="closed"):
                member.get_connection(other)


def test_a_secondary_that_cannot_be_opened_is_no_member(collection, monkeypatch):
    (one,) = collection.connect("1")
    storage = collection.databases["2"].storage
    with monkeypatch.context() as patch:
        patch.setattr(storage, "lastTransaction", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            one.get_connection("2")
    assert one.connections == {"1": one}
    assert one.get_connection("2").root() is not None


def test_in_explicit_mode_a_secondary_sees_the_transaction_under_way(collection):
    primary = collection.databases["1"].open(transaction.TransactionManager(explicit=True))
    with collection.databases["2"].transaction() as another:
        another.root.x = 0
    primary.transaction_manager.begin()
    assert primary.get_connection("2").root.x == 0
    primary.get_connection("2").root.x = 1
    primary.transaction_manager.commit()
    with collection.databases["2"].transaction() as another:
        assert another.root.x == 1


# Closing and opening


@pytest.mark.parametrize("closing", range(3))
def test_closing_any_member_closes_the_group_and_pools_the_primary(collection, three, closing):
    three[closing].close()
    assert [member.opened for member in three] == [None] * 3
    for member in three:
        member.close()  # nothing happens any more
    assert open_again(three[1]) is not three[1]
    assert open_again(three[0]) is three[0]
    assert [three[0].get_connection(name) for name in "123"] == three
    assert open_again(three[0]) is not three[0]


@pytest.mark.parametrize("closing", range(3))
@pytest.mark.parametrize("changed", range(3))
def test_no_member_is_closed_while_one_has_changes(three, closing, changed):
    three[changed].root.x = 1
    with pytest.raises(ConnectionStateError, match="has changes; commit or abort"):
        three[closing].close()
    assert all(member.opened and member.transaction_manager for member in three)
    three[0].transaction_manager.commit()
    three[closing].close()
    assert [member.opened for member in three] == [None] * 3


def test_opening_the_primary_opens_all_with_the_new_manager_and_the_newest_state(collection, three):
    three[1].root.x = 1
    three[0].transaction_manager.commit()
    three[0].close()
    with collection.databases["2"].transaction() as another:
        another.root.x = 2
    manager = transaction.TransactionManager()
    assert collection.databases["1"].open(manager) is three[0]
    assert {member.transaction_manager for member in three} == {manager}
    assert three[1].root.x == 2
    three[2].root.x = 3
    manager.commit()
    with collection.databases["3"].transaction() as another:
        assert another.root.x == 3


def test_objects_of_the_group_stay_the_same_over_closing_and_opening(three):
    one, two, _ = three
    two.root.target = target = Item()
    one.transaction_manager.commit()
    one.root.first, one.root.second = Item(), Item()
    one.root.first.target = one.root.second.target = target
    one.transaction_manager.commit()
    one.root.first._p_deactivate()
    one.close()
    assert open_again(one) is one
    assert one.root.first.target is one.root.second.target is target


def test_closing_calls_the_callbacks_of_all_members_while_they_are_open(three):
    seen = []
    for member in three:
        member.onCloseCallback(lambda: seen.append([each.opened is None for each in three]))
    three[2].close()
    assert seen == [[False] * 3] * 3


def test_a_callback_may_close_the_group_or_open_one_more_or_keep_it_open(collection):
    one, two = collection.connect("1", "2")
    one.onCloseCallback(two.close)
    one.close()
    assert one.opened is two.opened is None
    assert open_again(one) is one
    collection.add("3")
    two.onCloseCallback(lambda: one.get_connection("3"))
    one.close()
    assert one.connections["3"].opened is None
    assert open_again(one) is one
    one.onCloseCallback(lambda: setattr(two.root, "x", 1))
    with pytest.raises(ConnectionStateError, match="commit or abort"):
        one.close()
    assert one.opened
    assert two.opened


def test_a_group_that_cannot_be_opened_as_a_whole_is_not_opened(three, monkeypatch):
    three[0].close()
    monkeypatch.setattr(three[2].db().storage, "lastTransaction", lambda: 1 / 0)
    manager = transaction.TransactionManager()
    with pytest.raises(ZeroDivisionError):
        three[0].db().open(manager)
    assert [member.opened for member in three] == [None] * 3
    assert not manager.registeredSynchs()
    assert three[0].db().open(manager) is not three[0]


# The pools


def test_a_secondary_counts_in_the_statistics_of_its_database(collection, caplog):
    collection.add("small", pool_size=1)
    with caplog.at_level(logging.WARNING):
        groups = [collection.connect("1", "small") for _ in range(2)]
    assert "2 connections, with a pool_size of 1" in caplog.text
    assert len(groups) == 2


def test_the_database_reaches_secondaries_too(collection):
    _, two = collection.connect("1", "2")
    two.root()
    two.root()._p_activate()
    collection.databases["2"].cacheMinimize()
    assert two.root()._p_changed is None


def test_a_pooled_connection_with_a_group_does_not_bring_it_into_another(collection):
    two, one = collection.connect("2", "1")
    two.close()
    primary, secondary = collection.connect("1", "2")
    assert secondary is not two
    assert primary is not one
    assert primary.connections == {"1": primary, "2": secondary}
    assert open_again(two) is two
    assert two.connections == {"1": one, "2": two}


def test_a_pooled_connection_without_a_group_becomes_a_secondary_with_its_objects(collection):
    two, one = collection.connect("2", "1")
    (lone,) = collection.connect("2")
    lone.root()
    lone.close()
    two.close()
    primary, secondary = collection.connect("1", "2")
    assert secondary is lone
    assert secondary.connections is primary.connections
    assert open_again(two) is two is one.get_connection("2")


def test_the_members_of_a_group_that_the_pool_discards_are_released(collection, monkeypatch):
    collection.add("small", pool_size=1)
    released = []
    monkeypatch.setattr(Connection, "release", lambda connection: released.append(connection.db()))
    groups = [collection.connect("small", "2") for _ in range(2)]
    for primary, _ in groups:
        primary.close()
    assert released == [member.db() for member in groups[0]]
    assert open_again(groups[1][0]) is groups[1][0]


def test_a_group_that_nobody_uses_is_collected(collection):
    one, two = collection.connect("1", "2")
    references = [weakref.ref(one), weakref.ref(two)]
    del one
    gc.collect()
    assert all(reference() for reference in references)
    del two
    gc.collect()
    assert not any(reference() for reference in references)


# The caches


@pytest.mark.parametrize("method", ["cacheMinimize", "cacheGC"])
@pytest.mark.parametrize(("edition", "shared"), [("current", True), ("2006-08-16", False)])
def test_the_calls_for_the_cache_act_on_the_group(method, edition, shared):
    with Collection(edition=edition, cache_size=0) as collection:
        collection.add("1")
        collection.add("2")
        one, two = collection.connect("1", "2")
        for connection in (one, two):
            connection.root()._p_activate()
        getattr(one, method)()
        assert one.root()._p_changed is None
        assert (two.root()._p_changed is None) is shared


# Each connection alone, as in the first editions


@pytest.mark.parametrize("edition", ALONE)
def test_in_the_first_editions_each_connection_is_closed_alone_and_leaves(edition):
    with Collection(edition=edition) as collection:
        for name in "123":
            collection.add(name)
        one, two, three = collection.connect("1", "2", "3")
        one.root.x = 1
        two.close()
        assert one.opened
        assert three.opened
        assert two.opened is None
        assert one.connections is three.connections
        assert one.connections == {"1": one, "3": three}
        assert two.connections == {"2": two}
        with pytest.raises(ConnectionStateError):
            one.close()
        one.transaction_manager.commit()
        one.close()
        assert three.opened
        assert open_again(two) is two
        assert open_again(one) is one
        assert one.connections == {"1": one}


@pytest.mark.parametrize("edition", ["2005-06-10", "2005-06-16", "2005-06-17"])
def test_the_first_edition_opens_others_with_the_manager_of_the_thread(edition):
    with Collection(edition=edition) as collection:
        collection.add("1")
        collection.add("2")
        one, two = collection.connect("1", "2")
        own = transaction.manager.manager
        expected = own if edition == "2005-06-10" else one.transaction_manager
        assert two.transaction_manager is expected
        one.close()
        two.close()


# What comes in between


class Interrupted(BaseException):
    pass


@pytest.mark.parametrize("interrupted", range(3))
def test_closing_goes_on_after_an_interrupt(collection, three, monkeypatch, interrupted):
    leave = type(three[0]).leave

    def interrupt(connection):
        if connection is three[interrupted]:
            monkeypatch.undo()
            raise Interrupted
        leave(connection)

    monkeypatch.setattr(type(three[0]), "leave", interrupt)
    with pytest.raises(Interrupted):
        three[0].close()
    three[0].close()
    assert [member.opened for member in three] == [None] * 3
    assert open_again(three[0]) is three[0]


def test_a_member_that_an_interrupt_left_closed_is_opened_when_it_is_needed(three, monkeypatch):
    leave = type(three[0]).leave

    def interrupt(connection):
        leave(connection)
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(type(three[0]), "leave", interrupt)
        with pytest.raises(Interrupted):
            three[0].close()
    assert three[2].opened is None
    assert three[0].get_connection("3") is three[2]
    assert three[2].opened
    three[0].close()


def test_a_group_that_is_being_committed_is_left_to_that_by_closing(collection):
    """As a single connection is: no commit is torn apart before the storage is closed."""
    one, two = collection.connect("1", "2")
    one.root.x = two.root.x = 1
    closed = threading.Event()

    class Closing:
        abort = tpc_begin = tpc_vote = tpc_finish = tpc_abort = lambda self, transaction: None

        def sortKey(self):  # noqa: N802
            return "~"

        def commit(self, transaction):
            thread = threading.Thread(target=collection.databases["2"].close)
            thread.start()
            thread.join()
            closed.set()

    one.transaction_manager.get().join(Closing())
    with pytest.raises(Exception, match="closed"):
        one.transaction_manager.commit()
    assert closed.is_set()
    one.transaction_manager.abort()
    assert "x" not in one.root()
    one.close()
    assert open_again(one) is not one
