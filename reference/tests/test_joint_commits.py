"""Commits to several databases: one up to the vote, whatever fails; and as far as can be after."""

import logging
import time
from contextlib import suppress
from itertools import count

import pytest
from interrupting import Interrupt
from sample_objects import Hooked, Item
from several_databases import Collection
from ZODB.MappingStorage import MappingStorage
from zodb_reference.errors import ConflictError, ConnectionStateError, StorageError
from zodb_reference.joint import NOTE
from zodb_reference.savepoints import Savepoint

NAMES = "123"


@pytest.fixture(params=["memory", "sqlite"])
def three(request, tmp_path):
    """Connections of one group to three databases; "1" goes first in each phase, "3" last."""
    with Collection() as collection:
        for name in NAMES:
            collection.add(name, None if request.param == "memory" else tmp_path / name)
        connections = collection.connect(*NAMES)
        for connection in connections:
            connection.root.old = Item()
            connection.root.old.x = 0
        connections[0].transaction_manager.commit()
        yield connections
        connections[0].transaction_manager.abort()


def change(connections):
    """Change an object in each database, and make a new one that leads to the next one's."""
    new = [Item() for _ in connections]
    for connection, item in zip(connections, new, strict=True):
        connection.root.old.x += 1
        connection.root.new = item
        item.inner = Item()
    for item, following in zip(new, [*connections[1:], connections[0]], strict=True):
        item.next = following.root.old
    return [*new, *(item.inner for item in new)]


def stored(connections):
    """What each database has now: the value of the old object."""
    seen = []
    for connection in connections:
        with connection.db().transaction() as another:
            root = another.root()
            seen.append(root["old"].x)
            assert ("new" in root) == (seen[-1] > 0)
            if "new" in root:
                assert root["new"].inner._p_jar is another
                assert root["new"].next.x in (0, 1, 2)
    return seen


def is_unsaved(obj):
    return (obj._p_jar, obj._p_oid) == (None, None)


def add_elsewhere(connections, new):
    """Show that each object can be added to any database."""
    for connection, item in zip([*connections[1:], connections[0]] * 2, new, strict=True):
        connection.add(item)
    connections[0].transaction_manager.commit()
    assert all(item._p_jar for item in new)


class Failure(Exception):
    pass


def failing(*arguments):
    raise Failure


PHASES = ["tpc_begin", "store", "checkCurrentSerialInTransaction", "tpc_vote"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("place", range(3))
def test_a_failure_before_the_second_phase_leaves_nothing(three, monkeypatch, phase, place):
    new = change(three)
    three[place].readCurrent(three[place].root())
    marked = three[place].root.old
    if phase.startswith("check"):
        marked._p_changed = False
        three[place].readCurrent(marked)
    with monkeypatch.context() as patch:
        patch.setattr(three[place].db().storage, phase, failing)
        with pytest.raises(Failure):
            three[0].transaction_manager.commit()
    three[0].transaction_manager.abort()
    assert all(is_unsaved(item) for item in new)
    assert [connection.root.old.x for connection in three] == [0] * 3
    assert stored(three) == [0] * 3
    add_elsewhere(three, new)


@pytest.mark.parametrize("place", range(3))
def test_a_conflict_in_one_database_leaves_nothing_in_any(three, place):
    new = change(three)
    with three[place].db().transaction() as another:
        another.root.old.y = 1
    with pytest.raises(ConflictError):
        three[0].transaction_manager.commit()
    three[0].transaction_manager.abort()
    assert all(is_unsaved(item) for item in new)
    assert stored(three) == [0] * 3
    assert three[place].root.old.y == 1
    add_elsewhere(three, new)


@pytest.mark.parametrize("place", range(3))
def test_a_database_that_cannot_finish_keeps_those_after_it_from_it(
    three, monkeypatch, place, caplog
):
    new = change(three)
    with monkeypatch.context() as patch:
        patch.setattr(three[place].db().storage, "tpc_finish", failing)
        with pytest.raises(Failure), caplog.at_level(logging.CRITICAL, "zodb_reference"):
            three[0].transaction_manager.commit()
    (message,) = [record.message for record in caplog.records if record.name.startswith("zodb_r")]
    assert f"finished in {list(NAMES[:place])}, perhaps in '{NAMES[place]}'" in message
    three[0].transaction_manager.abort()
    expected = [1] * place + [0] * (3 - place)
    assert [connection.root.old.x for connection in three] == expected
    assert stored(three) == expected
    for number, item in enumerate(new):
        assert is_unsaved(item) == (number % 3 >= place)
    for connection in three[place:]:
        connection.root.new = connection.root.old
    for connection in three:
        connection.root.old.x = 2
    three[0].transaction_manager.commit()
    assert [connection.root.old.x for connection in three] == [2] * 3


class Participant:
    """Fails in the second phase, in its place of the order."""

    abort = tpc_begin = commit = tpc_vote = tpc_abort = lambda self, transaction: None

    def __init__(self, sort_key, error):
        self.sort_key = sort_key
        self.error = error

    def sortKey(self):  # noqa: N802
        return self.sort_key

    def tpc_finish(self, transaction):
        raise self.error


@pytest.mark.parametrize("error", [Failure, KeyboardInterrupt])
@pytest.mark.parametrize("place", range(3))
def test_another_participant_keeps_no_database_from_finishing(three, place, error):
    new = change(three)
    between = f"{three[place].sortKey()}!"
    three[0].transaction_manager.get().join(Participant(between, error))
    with pytest.raises(error):
        three[0].transaction_manager.commit()
    assert stored(three) == [1] * 3
    three[0].transaction_manager.abort()
    assert [connection.root.old.x for connection in three] == [1] * 3
    for connection in three:
        assert connection.root.new in new
    assert three[0].db().half_commits() == []


def test_a_participant_that_fails_before_any_database_finishes_leaves_nothing(three):
    new = change(three)
    three[0].transaction_manager.get().join(Participant("", Failure))
    with pytest.raises(Failure):
        three[0].transaction_manager.commit()
    three[0].transaction_manager.abort()
    assert all(is_unsaved(item) for item in new)
    assert stored(three) == [0] * 3
    add_elsewhere(three, new)


def test_a_failure_in_memory_after_a_database_has_finished_is_no_failure_of_the_commit(
    three, monkeypatch
):
    """As that of a persistent class, which loads its state when it is invalidated."""
    change(three)
    with monkeypatch.context() as patch:
        patch.setattr(type(three[0].objects), "settle", failing)
        with pytest.raises(Failure):
            three[0].transaction_manager.commit()
    three[0].transaction_manager.abort()
    assert stored(three) == [1] * 3


def put(pair, x):
    """Put a new object with this x, and one that leads to it, into each database."""
    items = [Item() for _ in pair]
    for connection, item in zip(pair, items, strict=True):
        connection.root.item = item
        item.inner = Item()
        item.inner.x = x
    return items


def read(pair):
    values = []
    for connection in pair:
        with connection.db().transaction() as another:
            values.append(another.root.item.inner.x)
    return values


@pytest.mark.parametrize("with_savepoint", [False, True])
def test_an_interrupt_stores_nothing_or_all(collection, with_savepoint):
    """At every moment of a commit to two databases at which Python looks for signals."""
    pair = collection.connect("1", "2")
    manager = pair[0].transaction_manager
    put(pair, -1)
    manager.commit()
    for number in count():
        before = read(pair)
        new = put(pair, number)
        if with_savepoint:
            manager.savepoint()
            for item in new:
                item.y = 1
        interrupt = Interrupt(number)
        with suppress(KeyboardInterrupt), interrupt:
            manager.commit()
        manager.abort()
        manager.begin()
        try:
            after = read(pair)
            assert after in (before, [number] * 2)
            assert [connection.root.item.inner.x for connection in pair] == after
            for item in new:
                assert item._p_jar in (None, *pair)
                assert (item._p_jar is None) == (item._p_oid is None)
                assert item.inner.x == number
            assert pair[0].db().half_commits() == []
            pair[0].close()
            assert pair[0].db().open(manager) is pair[0]
        except BaseException as failure:
            failure.add_note(f"after interrupt {number} in {interrupt.where}")
            raise
        if not interrupt.where:
            break
    assert number > 100
    assert after == [number] * 2


# The note


def notes(connection):
    """The notes in the extensions of all transactions of a database, oldest first."""
    return [each.extension for each in connection.db().storage.iterator()]


def last_tids(connections):
    return [connection.db().lastTransaction() for connection in connections]


def commit_late(connection, seconds, monkeypatch):
    """Commit to one database while its clock is ahead."""
    now = time.time()
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: now + seconds)
        with connection.db().transaction() as another:
            another.root.late = 1
    connection.transaction_manager.begin()


@pytest.mark.parametrize("place", range(3))
def test_a_commit_has_one_tid_in_all_databases(three, place, monkeypatch):
    commit_late(three[place], 20, monkeypatch)
    before = last_tids(three)
    new = change(three)
    three[0].transaction_manager.commit()
    assert len({*last_tids(three), *(item._p_serial for item in new)}) == 1
    assert min(last_tids(three)) > max(before)
    assert stored(three) == [1, 1, 1]


def test_an_undo_has_the_tid_of_the_commit_that_it_is_part_of(three, monkeypatch):
    one, two, _ = three
    with one.db().transaction() as another:
        another.root.x = 1
    commit_late(two, 20, monkeypatch)
    two.root.old.x = 7
    one.db().undo(one.db().undoLog()[0]["id"], one.transaction_manager.get())
    one.transaction_manager.commit()
    assert one.db().lastTransaction() == two.db().lastTransaction() == two.root.old._p_serial
    assert not hasattr(one.root, "x")


def test_a_clock_that_was_wrong_once_does_not_lead_other_databases_astray(three, monkeypatch):
    commit_late(three[1], 3600, monkeypatch)
    change(three)
    three[0].transaction_manager.commit()
    tids = last_tids(three)
    assert tids[1] > max(tids[0], tids[2])
    with three[0].db().transaction() as another:
        another.root.x = 1
    assert three[0].db().lastTransaction() < tids[1]
    assert stored(three) == [1, 1, 1]


def test_a_storage_that_does_not_let_its_tid_be_chosen_has_one_of_its_own(collection):
    collection.add("3", MappingStorage())
    connections = collection.connect("1", "3", "2")
    for connection in connections:
        connection.root.x = 1
    connections[0].transaction_manager.commit()
    one, other, two = last_tids(connections)
    assert one == two != other


def test_each_database_has_a_note_of_all_that_the_commit_has_changed(three):
    change(three)
    three[0].transaction_manager.get().setExtendedInfo("program", [1])
    three[0].transaction_manager.commit()
    extensions = [notes(connection)[-1] for connection in three]
    assert extensions[0] == extensions[1] == extensions[2]
    assert extensions[0]["program"] == [1]
    assert extensions[0][NOTE]["databases"] == list(NAMES)
    earlier = notes(three[0])[-2][NOTE]
    assert earlier["id"] != extensions[0][NOTE]["id"]


def test_a_commit_to_one_database_has_no_note(three):
    one, two, _ = three
    assert two.root.old.x == 0
    one.root.old.x = 1
    one.transaction_manager.commit()
    assert notes(one)[-1] == {}
    one.readCurrent(one.root.old)
    two.root.old.x = 1
    one.transaction_manager.commit()
    assert notes(two)[-1] == {}


def test_a_database_that_stores_nothing_is_not_in_the_note(three):
    one, two, three_ = three
    before = one.transaction_manager.savepoint()
    three_.root.old.x = 1
    before.rollback()
    for connection in three:
        connection.root.old.x = 2
    two.root.old._p_changed = False
    one.transaction_manager.commit()
    assert notes(one)[-1][NOTE]["databases"] == ["1", "3"]


@pytest.mark.parametrize("how", ["marked", "reset"])
def test_a_database_that_would_store_without_a_note_makes_the_commit_fail(three, how):
    """Nobody could tell that it lacks the commit, where it fails to finish."""
    one, two, _ = three
    manager = one.transaction_manager
    one.root.hooked = hooked = Hooked()
    manager.commit()
    changed = two.root.old
    if how == "marked":
        two.readCurrent(changed)
    else:
        changed.x = 2
        changed._p_changed = False
    hooked.x = 1
    hooked._v_hook = lambda: setattr(changed, "x", 2)
    with pytest.raises(ConnectionStateError, match="change its objects before"):
        manager.commit()
    manager.abort()
    assert not hasattr(one.root.hooked, "x")
    changed.x = 3
    hooked.x = 1
    hooked._v_hook = lambda: setattr(changed, "x", 4)
    manager.commit()
    assert two.root.old.x == 4


def test_what_a_savepoint_has_kept_counts(three):
    one, two, _ = three
    one.root.old.x = 1
    assert isinstance(one.transaction_manager.savepoint()._savepoints[0], Savepoint)
    two.root.old.x = 1
    one.transaction_manager.commit()
    assert notes(one)[-1][NOTE]["databases"] == ["1", "2"]


def test_a_note_names_the_databases_of_one_collection(three, db):
    manager = three[0].transaction_manager
    outside = db.open(manager)
    separate = three[1].db().open(manager)
    for connection in (three[0], separate, outside):
        connection.root.x = 1
    manager.commit()
    assert notes(three[0])[-1] == notes(separate)[-1]
    assert notes(three[0])[-1][NOTE]["databases"] == ["1", "2"]
    assert notes(outside)[-1] == {}


def test_a_storage_that_was_closed_cannot_finish(three, caplog):
    """Closing a database between two finishes leaves a half commit, which is told."""
    for connection in three:
        connection.root.old.x = 1

    class Closing(Participant):
        def tpc_finish(self, transaction):
            three[2].db().close()

    manager = three[0].transaction_manager
    manager.get().join(Closing(f"{three[0].sortKey()}!", None))
    with pytest.raises(StorageError):
        manager.commit()
    manager.abort()
    assert "finished in ['1', '2'], perhaps in '3'" in caplog.text
    for connection in three[:2]:
        with connection.db().transaction() as another:
            assert another.root.old.x == 1
