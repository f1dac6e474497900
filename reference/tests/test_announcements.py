"""What connections make of the news that anything may have changed."""

import threading

import pytest
import transaction
from sample_objects import Item
from zodb_reference import DB
from zodb_reference.announcements import Announcements
from zodb_reference.errors import ConflictError, ReadConflictError
from zodb_reference.oids import p64


@pytest.fixture(params=["2006-08-16", "current"])
def db(request):
    """A database in memory, of an edition in which everything can be invalidated."""
    database = DB(edition=request.param)
    yield database
    database.close()


def test_all_objects_are_invalid_from_the_next_boundary_on(db, connection, item, other):
    same = other.root()["item"]
    assert (item.x, same.x) == (1, 1)
    db.invalidateCache()
    assert (item._p_changed, same._p_changed) == (False, False)
    connection.transaction_manager.abort()
    assert (item._p_changed, same._p_changed) == (None, False)
    other.transaction_manager.begin()
    assert (same._p_changed, other.root()._p_changed) == (None, None)
    assert (item.x, same.x) == (1, 1)


def test_nothing_is_loaded_until_the_next_boundary(connection, manager, item, other):
    item._p_deactivate()
    other.root()
    connection.invalidateCache()
    with pytest.raises(ReadConflictError, match="abort, and begin again"):
        _ = item.x
    with pytest.raises(ReadConflictError):
        connection.get(item._p_oid)._p_activate()
    assert other.root()["item"].x == 1
    manager.abort()
    assert item.x == 1


def test_no_changes_are_committed_until_the_next_boundary(connection, manager, item, other):
    item.x = 2
    connection.invalidateCache()
    with pytest.raises(ConflictError, match="abort, and begin again") as caught:
        manager.commit()
    assert not isinstance(caught.value, ReadConflictError)
    manager.abort()
    assert item.x == 1
    item.x = 3
    manager.commit()
    other.sync()
    assert other.root()["item"].x == 3


def test_a_transaction_without_changes_is_not_kept_from_its_commit(connection, manager, item):
    connection.invalidateCache()
    manager.commit()
    assert item.x == 1


def test_news_during_the_commit_keep_it_from_being_finished(connection, manager, item, participate):
    item.x = 2
    participate("~", commit=connection.invalidateCache)
    with pytest.raises(ConflictError):
        manager.commit()
    manager.abort()
    assert item.x == 1


def test_news_between_the_phases_do_not_divide_them(connection, manager, item, participate):
    item.x = 2
    participate("~", tpc_vote=connection.invalidateCache)
    manager.commit()
    assert item._p_changed is None
    assert item.x == 2


def test_what_a_savepoint_has_kept_can_be_read(connection, manager, item):
    item.x = 2
    manager.savepoint()
    item._p_deactivate()
    connection.invalidateCache()
    assert item.x == 2
    with pytest.raises(ConflictError):
        manager.commit()


def test_a_closed_connection_can_be_used_as_soon_as_it_is_opened(db, connection, item):
    _ = item.x
    connection.close()
    db.invalidateCache()
    again = db.open(transaction_manager=transaction.TransactionManager())
    assert again is connection
    assert item._p_changed is None
    assert item.x == 1


def test_a_closed_connection_stays_invalid_until_a_transaction_begins_in_explicit_mode(db):
    connection = db.open(transaction_manager=transaction.TransactionManager(explicit=True))
    manager = connection.transaction_manager
    connection.invalidateCache()
    manager.begin()
    connection.root()["item"] = Item()
    manager.commit()


def test_other_threads_may_announce(connection, manager, item):
    thread = threading.Thread(target=connection.invalidateCache)
    thread.start()
    thread.join()
    item._p_deactivate()
    with pytest.raises(ReadConflictError):
        _ = item.x
    manager.begin()
    assert item.x == 1


def test_a_boundary_that_was_interrupted_forgets_nothing(connection, manager, item, monkeypatch):
    _ = item.x
    connection.invalidateCache()

    def fail():
        raise OSError("no storage")

    with monkeypatch.context() as patch:
        patch.setattr(connection._snapshot, "advance", fail)
        with pytest.raises(OSError, match="no storage"):
            manager.begin()
    manager.begin()
    assert item._p_changed is None


def test_what_was_announced_is_told_once():
    announcements = Announcements()
    announcements.add(p64(3), {p64(10): 1})
    announcements.add(p64(2), {p64(11)})
    assert announcements.before(p64(10)) == p64(2)
    assert announcements.before(p64(12)) is None
    assert announcements.take() == {p64(10), p64(11)}
    assert announcements.take() == set()
    announcements.add_everything()
    assert announcements.is_everything()
    assert announcements.take() is None
    assert not announcements.is_everything()
