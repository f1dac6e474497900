import re
import time

import pytest
import transaction
from persistent.mapping import PersistentMapping
from sample_objects import Item
from zodb_conformance.schedules import in_thread
from zodb_reference import errors
from zodb_reference.activity import ActivityMonitor


@pytest.fixture
def loaded(db, connection, manager, other):
    """An object that both connections have loaded."""
    connection.root.item = item = Item()
    item.id = "an id"
    manager.commit()
    other.sync()
    other.root.item._p_activate()
    return item


def test_debug_information_tells_of_each_connection(db, connection, other):
    connection.setDebugInfo("one")
    other.setDebugInfo("one", "two")
    _ = connection.root(), other.root()
    past = db.open(transaction.TransactionManager(), at=db.lastTransaction())
    past.close()
    reported = sorted(db.connectionDebugInfo(), key=lambda each: each["info"])
    assert [each["info"] for each in reported] == [" (0)", "('one', 'two') (1)", "one (1)"]
    assert [each["before"] for each in reported] == [past.before, None, None]
    assert reported[0]["opened"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(\d+\.\d\ds\)", reported[1]["opened"])
    assert abs(connection.opened - time.time()) < 60


def test_objects_are_counted_by_their_classes(db, loaded):
    assert db.cacheDetail() == [
        ("persistent.mapping.PersistentMapping", 2),
        ("sample_objects.Item", 2),
    ]


def test_every_object_is_told_in_detail(db, connection, other, loaded):
    root = connection.root()
    root._p_deactivate()
    detail = db.cacheExtremeDetail()
    assert sorted({each["conn_no"] for each in detail}) == [1, 2]
    (mine,) = [each for each in detail if each["oid"] == loaded._p_oid and each["rc"] > 1]
    assert mine == {
        "conn_no": mine["conn_no"],
        "oid": loaded._p_oid,
        "id": "an id",
        "klass": "sample_objects.Item",
        "rc": mine["rc"],
        "state": False,
    }
    states = [each["state"] for each in detail if each["klass"].endswith("PersistentMapping")]
    assert sorted(states, key=str) == [False, None]


def test_references_are_counted_without_those_of_the_cache(db, connection, manager):
    connection.root.item = Item()
    manager.commit()
    oid = connection.root.item._p_oid
    connection.cacheMinimize()

    def references():
        (found,) = [each["rc"] for each in db.cacheExtremeDetail() if each["oid"] == oid]
        return found

    held = connection.get(oid)
    assert references() == 1
    again = held
    assert references() == 2
    held._p_activate()
    assert references() == 2
    del again
    assert references() == 1


def test_sizes_are_summed_up_and_told_of_each_connection(db, connection, other, loaded):
    assert db.cacheSize() == 4
    held = other.root.item
    other.cacheMinimize()
    assert held._p_changed is None
    assert db.cacheSize() == 2
    sizes = db.cacheDetailSize()
    assert [each["connection"] for each in sizes] == sorted(map(repr, (connection, other)))
    assert sorted(each["ngsize"] for each in sizes) == [0, 2]
    assert {each["size"] for each in sizes} <= {1, 2}


@pytest.mark.parametrize("report", ["cacheDetail", "cacheExtremeDetail", "connectionDebugInfo"])
def test_reports_change_nothing(db, connection, other, loaded, report):
    loaded.x = 1
    ghost = other.root.item
    ghost._p_deactivate()
    counts = connection.getTransferCounts(), other.getTransferCounts()
    getattr(db, report)()
    assert loaded._p_changed is True
    assert ghost._p_changed is None
    assert (connection.getTransferCounts(), other.getTransferCounts()) == counts
    connection.transaction_manager.commit()


@pytest.mark.parametrize("reduce", ["cacheGC", "cacheFullSweep", "close", "sync"])
def test_the_time_when_a_cache_was_reduced_is_told(db, connection, reduce):
    time.sleep(0.01)
    before = time.time()
    assert db.cacheLastGCTime() < before
    getattr(connection, reduce)()
    assert before <= db.cacheLastGCTime() <= time.time()


@pytest.mark.parametrize("reduce", ["cacheMinimize", "cacheFullSweep"])
def test_all_caches_are_emptied_but_for_changes(db, connection, other, loaded, reduce):
    connection.root.x = 1
    getattr(db, reduce)()
    assert loaded._p_changed is None
    assert connection.root()._p_changed is True
    assert other.root()._p_changed is None


@pytest.mark.parametrize("reduce", ["cacheMinimize", "cacheFullSweep"])
def test_caches_that_another_thread_uses_are_emptied_at_its_next_boundary(
    db, connection, manager, other, loaded, reduce
):
    held = other.root()
    held._p_activate()
    other.close()
    in_thread(getattr(db, reduce))
    assert (loaded._p_changed, held._p_changed) == (False, None)
    manager.begin()
    assert loaded._p_changed is None


def test_a_full_sweep_of_a_connection_does_not_stop_at_the_size_of_the_cache(
    connection, other, loaded
):
    connection.cacheGC()
    assert loaded._p_changed is False
    connection.cacheFullSweep()
    assert loaded._p_changed is None
    assert other.root.item._p_changed is False


def test_a_report_may_be_made_without_any_connection(db):
    db.setPoolSize(0)
    assert db.connectionDebugInfo() == db.cacheDetail() == db.cacheDetailSize() == []
    assert db.cacheSize() == db.cacheLastGCTime() == 0


# Activity


def test_a_monitor_is_told_of_each_connection_that_is_closed(db, connection, other):
    closed = []

    class Monitor:
        def closedConnection(self, connection):  # noqa: N802
            closed.append((connection, connection.opened is not None))

    monitor = Monitor()
    assert db.getActivityMonitor() is None
    db.setActivityMonitor(monitor)
    assert db.getActivityMonitor() is monitor
    connection.close()
    connection.close()
    assert closed == [(connection, True)]
    db.close()
    assert closed == [(connection, True), (other, True)]


def test_a_monitor_is_not_told_where_closing_is_refused(db, connection, item):
    monitor = ActivityMonitor()
    db.setActivityMonitor(monitor)
    item.x = 2
    with pytest.raises(Exception, match="has changes"):
        connection.close()
    assert sum(part["connections"] for part in monitor.getActivityAnalysis()) == 0


def test_a_monitor_may_close_what_is_being_closed(db, connection, other, caplog):
    closed = []

    class Monitor:
        def closedConnection(self, connection):  # noqa: N802
            closed.append(connection)
            connection.close()

    db.setActivityMonitor(Monitor())
    for each in connection, other:
        each.close()
        assert each.opened is None
    assert closed == [connection, other]
    assert not caplog.records
    assert db.open(transaction.TransactionManager()) is other


def test_what_a_monitor_changes_is_not_given_to_who_opens_the_connection_next(db, connection):
    class Monitor:
        def closedConnection(self, connection):  # noqa: N802
            connection.root.x = 1

    db.setActivityMonitor(Monitor())
    with pytest.raises(errors.ConnectionStateError, match="has changes"):
        connection.close()
    connection.transaction_manager.abort()
    db.setActivityMonitor(None)
    connection.close()
    assert db.open(transaction.TransactionManager()) is connection
    assert not hasattr(connection.root, "x")


def test_a_monitor_that_fails_prevents_nothing(db, connection, caplog):
    db.setActivityMonitor(object())
    connection.close()
    assert connection.opened is None
    assert caplog.records[0].exc_info[0] is AttributeError


def test_each_database_of_a_group_tells_its_own_monitor(collection):
    one, two = collection.connect("1", "2")
    monitors = [ActivityMonitor(), ActivityMonitor()]
    for connection, monitor in zip((one, two), monitors, strict=True):
        connection.db().setActivityMonitor(monitor)
    one.getTransferCounts(True), two.getTransferCounts(True)
    two.root.x = 1
    two.transaction_manager.commit()
    one.close()
    assert [total(monitor, "connections") for monitor in monitors] == [1, 1]
    assert [total(monitor, "stores") for monitor in monitors] == [0, 1]


def total(monitor, name, **options):
    return sum(part[name] for part in monitor.getActivityAnalysis(**options))


def test_activity_is_what_was_loaded_and_stored(db, connection, manager):
    monitor = ActivityMonitor()
    db.setActivityMonitor(monitor)
    connection.cacheMinimize()
    connection.getTransferCounts(True)
    connection.root.x = PersistentMapping()
    manager.commit()
    connection.close()
    assert [total(monitor, name) for name in ("connections", "loads", "stores")] == [1, 1, 2]
    assert connection.getTransferCounts() == (0, 0)


class Counted:
    def getTransferCounts(self, clear):  # noqa: N802
        return 1, 2


@pytest.fixture
def clock(monkeypatch):
    """The time, which a test may set."""
    now = [1000.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def test_activity_is_divided_by_time(clock):
    monitor = ActivityMonitor(history_length=100)
    for clock[0] in (910, 911, 955, 1000):
        monitor.closedConnection(Counted())
    parts = monitor.getActivityAnalysis(divisions=2)
    assert parts == [
        {"start": 900, "end": 950, "loads": 2, "stores": 4, "connections": 2},
        {"start": 950, "end": 1000, "loads": 2, "stores": 4, "connections": 2},
    ]
    assert total(monitor, "connections", start=911, end=955) == 2
    assert total(monitor, "connections", start=1000) == 1
    assert len(monitor.getActivityAnalysis()) == 10


def test_activity_is_forgotten_with_time(clock):
    monitor = ActivityMonitor()
    assert monitor.getHistoryLength() == 3600
    monitor.closedConnection(Counted())
    clock[0] += 10
    monitor.closedConnection(Counted())
    monitor.setHistoryLength(5)
    assert monitor.getHistoryLength() == 5
    assert total(monitor, "loads", start=1) == 1
    clock[0] += 10
    monitor.closedConnection(Counted())
    assert total(monitor, "loads", start=1) == 1
