import pytest
from persistent import Persistent
from persistent.mapping import PersistentMapping
from sample_objects import Hooked, Item
from zodb_reference import DB, errors
from zodb_reference.committing import Commit
from zodb_reference.oids import z64

# What a commit stores


def test_what_a_commit_has_stored_others_see(connection, manager, old, other):
    old.x = "new"
    connection.root.added = added = PersistentMapping(y=1)
    manager.commit()
    other.sync()
    assert other.root.old.x == "new"
    assert other.root.added["y"] == 1
    assert other.get(added._p_oid) is other.root.added


def test_an_object_gets_its_oid_when_it_is_stored_and_not_before(connection, manager):
    connection.root.item = item = Item()
    assert (item._p_oid, item._p_jar) == (None, None)
    manager.commit()
    assert item._p_jar is connection
    assert connection.get(item._p_oid) is item


def test_after_a_commit_objects_have_its_serial_and_keep_their_state(db, connection, manager, old):
    old.x = "new"
    old.other = other = Item()
    other.y = 1
    manager.commit()
    for obj in (old, other):
        assert obj._p_serial == db.lastTransaction()
        assert obj._p_changed is False
    assert (vars(old)["x"], vars(other)["y"]) == ("new", 1)


def test_new_objects_that_refer_to_each_other_are_stored(connection, manager, other):
    first, second = Item(), Item()
    first.next, second.next = second, first
    connection.root.first = first
    manager.commit()
    other.sync()
    assert other.root.first.next.next is other.root.first


def test_long_chains_of_new_objects_are_stored(connection, manager, other):
    connection.root.chain = item = Item()
    for _ in range(5000):
        item.next = Item()
        item = item.next
    manager.commit()
    other.sync()
    assert other.get(item._p_oid)._p_oid == item._p_oid


def test_a_change_inside_of_a_plain_value_is_not_noticed(connection, manager, old):
    old.values = [1]
    manager.commit()
    serial = old._p_serial
    old.values.append(2)
    manager.commit()
    assert old._p_serial == serial
    old._p_changed = True
    manager.commit()
    old._p_deactivate()
    assert old.values == [1, 2]


def test_an_object_whose_flag_is_reset_is_not_stored(db, connection, manager, old):
    serial = old._p_serial
    old.x = "new"
    old._p_changed = False
    manager.commit()
    assert old._p_serial == serial
    # The transaction had been joined, and is recorded without records.
    assert db.lastTransaction() > serial


def test_a_transaction_without_changes_is_not_recorded(db, connection, manager, old):
    last = db.lastTransaction()
    assert connection.root.old.x == "old"
    manager.commit()
    assert db.lastTransaction() == last


def test_user_description_and_extension_reach_the_storage(db, connection, manager):
    current = manager.get()
    current.setUser("ärla")
    current.note("first")
    current.setExtendedInfo("request", 7)
    connection.root.x = 1
    manager.commit()
    info = db.storage.history(z64)[0]
    assert info["user_name"] == "/ ärla".encode()
    assert info["description"] == b"first"
    assert info["request"] == 7


# Changes in the middle of a commit


def test_an_object_added_by_getstate_is_stored(connection, manager, other):
    late = Item()
    late.x = "late"
    connection.root.hooked = hooked = Hooked()
    hooked._v_hook = lambda: connection.add(late)
    manager.commit()
    other.sync()
    assert other.get(late._p_oid).x == "late"


def test_an_object_changed_by_getstate_of_another_is_stored_again(connection, manager, old, other):
    """Whichever of the two is stored first."""
    hooked = Hooked()
    old.hooked = hooked
    old.x = "new"
    hooked._v_hook = lambda: setattr(old, "x", "newer")
    manager.commit()
    assert (old.x, old._p_changed) == ("newer", False)
    other.sync()
    assert other.root.old.x == "newer"


def test_a_new_object_changed_by_getstate_of_another_is_stored_again(connection, manager, other):
    first, hooked = Item(), Hooked()
    first.hooked = hooked
    hooked._v_hook = lambda: setattr(first, "x", "changed")
    connection.root.first = first
    manager.commit()
    other.sync()
    assert other.root.first.x == "changed"


def test_getstate_may_change_its_own_object(connection, manager, other):
    class Stamped(Hooked):
        def __getstate__(self):
            self.stored = self.stored + 1
            return super().__getstate__()

    globals()["Stamped"] = Stamped
    Stamped.__qualname__ = "Stamped"
    connection.root.stamped = stamped = Stamped()
    stamped.stored = 0
    manager.commit()
    other.sync()
    assert other.root.stamped.stored == stamped.stored == 1


def test_what_getstate_changes_after_it_has_taken_the_state_is_stored(connection, manager, other):
    connection.root.hooked = hooked = Hooked()
    hooked._v_hook = lambda: setattr(hooked, "x", "late")
    manager.commit()
    other.sync()
    assert other.root.hooked.x == hooked.x == "late"
    assert hooked._p_changed is False


class Restless(Hooked):
    """Has a state of its own form, and changes whenever it is asked for it."""

    asked = 0

    def __getstate__(self):
        self.asked += 1
        return {"told": self.asked}


def test_an_object_that_only_changes_itself_is_stored_as_it_was_told_last(
    connection, manager, other
):
    connection.root.restless = restless = Restless()
    manager.commit()
    assert restless._p_changed is False
    other.sync()
    assert other.root.restless.told == restless.asked == Commit.max_rounds


class Frugal(Persistent):
    def __getstate__(self):
        self._p_jar.cacheMinimize()
        return dict(vars(self))


def test_an_object_is_not_made_a_ghost_while_it_is_asked_for_its_state(connection, manager, other):
    connection.root.frugal = frugal = Frugal()
    manager.commit()
    frugal.x = "kept"
    manager.commit()
    other.sync()
    assert other.root.frugal.x == "kept"
    connection.cacheMinimize()
    assert frugal._p_changed is None


def test_objects_that_never_come_to_rest_are_refused(connection, manager, old):
    first, second = Hooked(), Hooked()
    first.x = second.x = 0
    first._v_hook = lambda: setattr(second, "x", second.x + 1)
    second._v_hook = lambda: setattr(first, "x", first.x + 1)
    connection.root.first, connection.root.second = first, second
    with pytest.raises(errors.POSError, match=r"go on changing .*: Hooked; a __getstate__"):
        manager.commit()
    manager.abort()
    assert first._p_jar is second._p_jar is None


@pytest.mark.parametrize("phase", ["commit", "tpc_vote"])
def test_what_another_participant_changes_before_the_vote_is_stored(
    connection, manager, old, other, phase, participate
):
    def change():
        old.x = "late"
        old.new = late
        connection.add(added)

    late, added = Item(), Item()
    connection.root.y = 1
    participate(**{phase: change})
    manager.commit()
    other.sync()
    assert other.root.old.x == "late"
    for obj in (late, added):
        assert other.get(obj._p_oid)._p_oid == obj._p_oid


@pytest.mark.parametrize("phase", ["tpc_vote", "tpc_finish"])
def test_what_another_participant_changes_after_the_vote_is_refused(
    db, connection, manager, old, phase, participate
):
    def change():
        with pytest.raises(errors.ConnectionStateError, match="voted"):
            old.x = "late"
        with pytest.raises(errors.ConnectionStateError, match="voted"):
            connection.add(Item())

    connection.root.y = 1
    participate(sort_key="\0" if phase == "tpc_finish" else "~", **{phase: change})
    manager.commit()
    assert (old.x, old._p_changed) == ("old", False)


def test_what_an_after_commit_hook_changes_is_refused_or_not_stored(
    connection, manager, old, other
):
    def change(success):
        with pytest.raises(ValueError, match="Committed"):
            old.x = "late"

    connection.root.y = 1
    manager.get().addAfterCommitHook(change)
    manager.commit()
    assert old.x == "old"


def test_an_object_that_getstate_of_another_has_deactivated_is_not_loaded_in_its_old_state(
    connection, manager, old
):
    hooked = Hooked()
    old.hooked = hooked
    old.x = "new"

    def deactivate():
        old._p_deactivate()
        old.x += " and more"

    hooked._v_hook = deactivate
    with pytest.raises(errors.ConnectionStateError, match="deactivated"):
        manager.commit()
    manager.abort()
    assert old.x == "old"


# Two connections in one transaction


def test_changes_of_two_connections_in_one_transaction_are_refused_and_neither_is_stored(
    db, connection, manager, old
):
    second = db.open(manager)
    last = db.lastTransaction()
    old.x = "first"
    second.root.added = added = Item()
    with pytest.raises(errors.StorageTransactionError, match="one connection only"):
        manager.commit()
    manager.abort()
    assert db.lastTransaction() == last
    assert (old.x, added._p_jar) == ("old", None)
    old.x = "alone"
    manager.commit()
    assert second.root.old.x == "alone"


def test_two_connections_to_different_storages_commit_together(connection, manager):
    with_other = DB()
    second = with_other.open(manager)
    connection.root.x = second.root.x = 1
    manager.commit()
    for db in (connection.db(), with_other):
        with db.transaction() as another:
            assert another.root.x == 1
    with_other.close()
