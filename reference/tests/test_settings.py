import time

import pytest
import transaction
from sample_objects import Item
from zodb_reference import DB

KINDS = ["", "Historical"]


@pytest.fixture(params=KINDS)
def kind(request):
    """In the names of methods: "" for connections to the present, "Historical" for the others."""
    return request.param


def opened(db, kind):
    point = {"before": db.lastTransaction()} if kind else {}
    return db.open(transaction.TransactionManager(), **point)


def test_what_is_expected_has_the_defaults_of_the_ecosystem(db):
    assert (db.getPoolSize(), db.getCacheSize(), db.getCacheSizeBytes()) == (7, 400, 0)
    assert db.getHistoricalPoolSize() == 3
    assert (db.getHistoricalCacheSize(), db.getHistoricalCacheSizeBytes()) == (1000, 0)
    assert db.getHistoricalTimeout() == 300


def test_what_is_expected_can_be_told_when_the_database_is_opened():
    db = DB(
        pool_size=1,
        cache_size=2,
        cache_size_bytes=3,
        historical_pool_size=4,
        historical_cache_size=5,
        historical_cache_size_bytes=6,
        historical_timeout=7,
    )
    assert (db.getPoolSize(), db.getCacheSize(), db.getCacheSizeBytes()) == (1, 2, 3)
    assert db.getHistoricalPoolSize() == 4
    assert (db.getHistoricalCacheSize(), db.getHistoricalCacheSizeBytes()) == (5, 6)
    assert db.getHistoricalTimeout() == 7
    db.close()


@pytest.mark.parametrize("name", ["PoolSize", "CacheSize", "CacheSizeBytes"])
def test_what_was_set_is_told_and_belongs_to_one_kind(db, kind, name):
    (other,) = {*KINDS} - {kind}
    before = getattr(db, f"get{other}{name}")()
    getattr(db, f"set{kind}{name}")(17)
    assert getattr(db, f"get{kind}{name}")() == 17
    assert getattr(db, f"get{other}{name}")() == before


def test_a_smaller_pool_discards_what_was_closed_first_at_once(db, kind):
    connections = [opened(db, kind) for _ in range(3)]
    for connection in connections:
        connection.close()
    getattr(db, f"set{kind}PoolSize")(1)
    assert len(db.connectionDebugInfo()) == (1 if not kind else 2)  # one has made the root
    getattr(db, f"set{kind}PoolSize")(3)
    reopened = [opened(db, kind) for _ in range(3)]
    assert reopened[0] is connections[2]
    assert not {*reopened[1:]} & {*connections}


def test_a_larger_pool_is_not_warned_of(db, kind, caplog):
    getattr(db, f"set{kind}PoolSize")(10)
    connections = [opened(db, kind) for _ in range(10)]
    assert caplog.records == []
    getattr(db, f"set{kind}PoolSize")(5)
    connections.append(opened(db, kind))
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


@pytest.fixture
def many(db):
    """Ten objects in the database."""
    with db.transaction() as connection:
        connection.root.many = [Item() for _ in range(10)]
    with db.transaction() as connection:
        connection.root.later = 1


def active(connection):
    """How many objects of a connection are loaded, when all were and the cache was reduced."""
    for item in connection.root.many:
        item._p_activate()
    connection.cacheGC()
    return sum(item._p_changed is not None for item in connection.root.many)


def test_the_size_of_caches_holds_for_those_that_there_are_and_for_new_ones(db, many, kind):
    before = opened(db, kind)
    assert active(before) == 10
    getattr(db, f"set{kind}CacheSize")(4)
    assert active(before) <= 4
    assert active(opened(db, kind)) <= 4
    getattr(db, f"set{kind}CacheSize")(400)
    assert active(before) == active(opened(db, kind)) == 10


def test_the_size_of_caches_may_be_one_in_bytes(db, many, kind):
    before = opened(db, kind)
    assert active(before) == 10
    getattr(db, f"set{kind}CacheSizeBytes")(200)
    assert active(before) < 10
    assert active(opened(db, kind)) < 10
    getattr(db, f"set{kind}CacheSizeBytes")(0)
    assert active(before) == 10


def test_a_connection_that_is_made_while_the_size_is_changed_has_the_new_one(db, many, monkeypatch):
    make = db.connection_class

    def change_and_make(*args):
        made = make(*args)
        db.setCacheSize(4)
        return made

    monkeypatch.setattr(db, "connection_class", change_and_make)
    opened(db, "")
    assert active(opened(db, "")) <= 4


@pytest.mark.parametrize("timeout", [0.05, 60])
def test_a_connection_is_not_kept_for_longer_than_the_timeout(timeout):
    db = DB(pool_timeout=timeout, historical_timeout=timeout)
    for kind in KINDS:
        connection = opened(db, kind)
        connection.close()
        time.sleep(0.1)
        assert (opened(db, kind) is connection) == (timeout == 60)
    db.close()


def test_a_connection_that_is_too_old_is_dropped_when_any_is_opened(db, kind):
    connection = opened(db, "Historical")
    connection.close()
    known = len(db.connectionDebugInfo())
    db.setHistoricalTimeout(0.05)
    assert len(db.connectionDebugInfo()) == known
    time.sleep(0.1)
    reopened = opened(db, kind)
    assert reopened is not connection
    assert all(each is not connection for each in db._pool.everyone())


def test_a_shorter_timeout_discards_what_is_too_old_at_once(db):
    connection = opened(db, "Historical")
    connection.close()
    time.sleep(0.1)
    db.setHistoricalTimeout(0.05)
    assert len(db.connectionDebugInfo()) == 1  # which has made the root
    assert db.getHistoricalTimeout() == 0.05


def test_nothing_changed_leaves_a_cache_whatever_its_size(db, many, kind):
    connection = opened(db, kind)
    root, items = connection.root(), [*connection.root.many]
    for item in items:
        item.x = 1
    getattr(db, f"set{kind}CacheSize")(0)
    getattr(db, f"set{kind}CacheSizeBytes")(1)
    connection.cacheGC()
    connection.cacheMinimize()
    connection.cacheFullSweep()
    assert all(item._p_changed for item in items)
    assert root._p_changed is None
    connection.transaction_manager.abort()


@pytest.mark.parametrize("name", ["PoolSize", "CacheSize", "CacheSizeBytes"])
@pytest.mark.parametrize("size", ["7", None, 1.5])
def test_a_size_that_is_none_is_refused_and_changes_nothing(db, kind, name, size):
    opened(db, kind).close()
    before = getattr(db, f"get{kind}{name}")()
    with pytest.raises(TypeError, match="has to be a whole number"):
        getattr(db, f"set{kind}{name}")(size)
    assert getattr(db, f"get{kind}{name}")() == before
    first, second = opened(db, kind), opened(db, kind)
    first.close()
    second.close()


def test_a_timeout_that_is_none_is_refused_and_changes_nothing(db):
    opened(db, "Historical").close()
    with pytest.raises(TypeError, match="timeout has to be a number of seconds, not '7'"):
        db.setHistoricalTimeout("7")
    opened(db, "Historical").close()


def test_a_database_that_is_opened_with_no_size_takes_no_place(tmp_path):
    databases = {}
    for size in "pool_size", "version_pool_size":
        with pytest.raises(TypeError, match="pool_size has to be a whole number"):
            DB(tmp_path / "x", databases=databases, edition="2006-08-16", **{size: "7"})
        assert not databases
        assert not (tmp_path / "x").exists()
