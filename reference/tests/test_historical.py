import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
import transaction
from persistent.timestamp import TimeStamp
from sample_objects import Item
from several_databases import Collection
from ZODB.tests.MVCCMappingStorage import MVCCMappingStorage
from zodb_reference import DB, errors
from zodb_reference.oids import maxtid, p64, tid_at, u64, z64
from zodb_reference.storages import MemoryStorage


@pytest.fixture(params=[MemoryStorage, MVCCMappingStorage])
def db(request):
    """A database over a storage that is shared, and over one with snapshots of its own."""
    database = DB(request.param())
    yield database
    database.close()


@pytest.fixture
def tids(db, connection):
    """Those of three transactions, which set `root.item.x` to 0, 1 and 2."""
    connection.root.item = Item()
    written = []
    for x in range(3):
        connection.root.item.x = x
        connection.transaction_manager.commit()
        written.append(db.lastTransaction())
    return written


@pytest.fixture
def past(db, tids):
    """A historical connection that shows the first of these transactions, with its own manager."""
    return db.open(transaction.TransactionManager(), at=tids[0])


def x_of(db, **point):
    connection = db.open(transaction.TransactionManager(), **point)
    try:
        return connection.root.item.x
    finally:
        connection.close()


# Points


def test_at_shows_the_state_just_after_a_transaction(db, tids):
    assert [x_of(db, at=tid) for tid in tids] == [0, 1, 2]


def test_before_shows_the_state_just_before_a_transaction(db, tids):
    assert [x_of(db, before=tid) for tid in tids[1:]] == [0, 1]
    assert x_of(db, before=p64(u64(tids[-1]) + 1)) == 2


def test_between_two_transactions_the_first_one_counts(db, tids):
    between = p64((u64(tids[0]) + u64(tids[1])) // 2)
    assert x_of(db, at=between) == x_of(db, before=between) == 0


def test_before_is_told_by_the_connection_however_it_was_given(db, tids):
    assert db.open().before is None
    assert db.open(before=tids[1]).before == tids[1]
    assert db.open(at=tids[1]).before == p64(u64(tids[1]) + 1)
    moment = datetime(2020, 1, 1)
    assert db.open(before=moment).before == tid_at(moment)


@pytest.fixture
def slow(db, connection):
    """A moment between two transactions, which set `root.item.x` to 0 and 1 at known times."""
    connection.root.item = item = Item()
    storage = connection.transaction_manager
    item.x = 0
    storage.commit()
    first = TimeStamp(db.lastTransaction()).timeTime()
    while TimeStamp(tid_at(datetime.now(UTC))).timeTime() <= first + 0.002:
        pass
    moment = datetime.now(UTC)
    while datetime.now(UTC) <= moment + timedelta(milliseconds=2):
        pass
    item.x = 1
    storage.commit()
    return moment


def test_a_moment_may_be_given_in_any_time_zone(db, slow):
    for zone in (UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))):
        assert x_of(db, at=slow.astimezone(zone)) == 0
        assert x_of(db, before=slow.astimezone(zone)) == 0


@pytest.fixture
def in_tokyo(monkeypatch):
    """Local time is not UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_tokyo")
def test_a_moment_without_time_zone_is_in_utc(db, slow):
    assert x_of(db, at=slow.replace(tzinfo=None)) == 0
    assert x_of(db, before=slow.replace(tzinfo=None)) == 0


def test_a_tid_and_its_moment_are_the_same_point():
    tid = tid_at(datetime(2020, 2, 29, 23, 59, 59, 999_000))
    assert str(TimeStamp(tid)) == "2020-02-29 23:59:59.999000"


@pytest.mark.parametrize(
    "nonsense",
    [
        b"short",
        b"",
        "2020-01-01",
        1.5,
        0,
        False,
        datetime(2020, 1, 1).date(),
        datetime(1850, 1, 1),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    ],
)
@pytest.mark.parametrize("name", ["at", "before"])
def test_what_is_no_point_is_refused(db, name, nonsense):
    with pytest.raises(ValueError):  # noqa: PT011 - each with a message of its own
        db.open(**{name: nonsense})


def test_only_one_point_can_be_given(db, tids):
    with pytest.raises(ValueError, match="only be one of them"):
        db.open(at=tids[0], before=tids[0])


@pytest.mark.parametrize("add", [1, 2])
def test_the_future_is_refused(db, tids, add):
    later = p64(u64(tids[-1]) + add)
    with pytest.raises(ValueError, match="in the future"):
        db.open(at=later)
    with pytest.raises(ValueError, match="in the future"):
        db.open(before=p64(u64(later) + 1))


@pytest.mark.parametrize(
    "later", [maxtid, b"\xff" * 8, datetime.now(UTC) + timedelta(days=1), datetime.max]
)
def test_the_far_future_is_refused(db, tids, later):
    for point in ({"at": later}, {"before": later}):
        with pytest.raises(ValueError, match=r"future|range"):
            db.open(**point)


def test_before_there_was_anything_the_connection_shows_nothing(db, tids):
    connection = db.open(before=z64)
    with pytest.raises(errors.POSKeyError):
        connection.root()


def test_a_closed_database_shows_no_past_either(tids, db):
    db.close()
    with pytest.raises(errors.ConnectionStateError):
        db.open(at=tids[0])


@pytest.mark.parametrize("edition", ["2005-06-10", "2005-06-16", "2005-06-17"])
def test_earlier_editions_know_no_points(edition):
    db = DB(edition=edition)
    for name in ("at", "before"):
        with pytest.raises(TypeError):
            db.open(**{name: db.lastTransaction()})
    db.close()


# What it shows


def test_it_never_moves(db, connection, past):
    item = past.root.item
    assert item.x == 0
    for end in (past.sync, past.transaction_manager.commit, past.transaction_manager.abort):
        connection.root.item.x += 1
        connection.transaction_manager.commit()
        end()
        past.cacheMinimize()
        assert item.x == 0
        item._p_invalidate()
        assert item.x == 0


def test_it_shows_objects_that_are_gone_by_now(db, connection, past):
    del connection.root.item
    connection.transaction_manager.commit()
    assert past.root.item.x == 0


def test_an_object_that_was_created_later_is_unknown(db, connection, past):
    connection.root.late = late = Item()
    connection.transaction_manager.commit()
    with pytest.raises(errors.POSKeyError):
        past.get(late._p_oid)
    with pytest.raises(errors.POSKeyError):
        past.get(p64(99))


def test_what_others_change_leaves_its_cache_alone(connection, past):
    item = past.root.item
    item._p_activate()
    connection.root.item.x = 99
    connection.transaction_manager.commit()
    past.sync()
    assert item._p_changed is False


def test_under_an_explicit_manager_it_reads_without_a_transaction(db, tids):
    assert db.open(transaction.TransactionManager(explicit=True), at=tids[1]).root.item.x == 1


def test_it_reads_the_revision_that_a_transaction_wrote(past, tids):
    assert past.oldstate(past.root.item, tids[2])["x"] == 2


def test_the_storage_is_not_asked_to_catch_up_for_it(past):
    synced = []
    past._snapshot._storage.sync = lambda *force: synced.append(True)
    past.sync()
    assert synced == []


def test_the_instance_of_a_storage_with_snapshots_is_released_with_it():
    db = DB(MVCCMappingStorage())
    connection = db.open(at=db.lastTransaction())
    released = []
    connection._snapshot._storage.release = lambda: released.append(True)
    db.close()
    assert released == [True]


# What it refuses


def test_it_is_read_only(past, connection):
    assert past.isReadOnly() is True
    assert connection.isReadOnly() is False
    past.close()
    with pytest.raises(errors.ConnectionStateError):
        past.isReadOnly()


def test_it_gives_no_oids_and_adds_nothing(past):
    item = Item()
    with pytest.raises(errors.ReadOnlyError):
        past.new_oid()
    with pytest.raises(errors.ReadOnlyError):
        past.add(item)
    assert (item._p_oid, item._p_jar) == (None, None)
    past.close()


@pytest.mark.parametrize("new", [False, True])
def test_it_commits_no_change(db, past, new):
    last = db.lastTransaction()
    past.root.item.x = Item() if new else 99
    with pytest.raises(errors.ReadOnlyHistoryError, match="cannot be changed; abort"):
        past.transaction_manager.commit()
    past.transaction_manager.abort()
    assert past.root.item.x == 0
    assert db.lastTransaction() == last
    with db.transaction() as connection:  # the storage waits for nobody
        assert connection.root.item.x == 2
        connection.root.x = 1


def test_a_refused_commit_leaves_new_objects_unsaved(past):
    past.root.item.x = new = Item()
    with pytest.raises(errors.ReadOnlyHistoryError):
        past.transaction_manager.commit()
    past.transaction_manager.abort()
    assert (new._p_oid, new._p_jar) == (None, None)


def test_a_change_that_was_reset_is_none(db, past):
    last = db.lastTransaction()
    past.root.item.x = 99
    past.root.item._p_invalidate()
    past.transaction_manager.commit()
    assert past.root.item.x == 0
    assert db.lastTransaction() == last


class Meddler(Item):
    """Changes another object while it is stored."""

    def __getstate__(self):
        self.other.x = 99
        return super().__getstate__()


def test_what_changes_while_it_is_refused_is_refused_as_well(db, connection):
    connection.root.meddler = meddler = Meddler()
    meddler.other = connection.root.item = Item()
    connection.transaction_manager.commit()
    past = db.open(transaction.TransactionManager(), at=db.lastTransaction())
    past.root.meddler.x = 1
    with pytest.raises(errors.ReadOnlyHistoryError):
        past.transaction_manager.commit()
    past.transaction_manager.abort()


def test_a_savepoint_keeps_changes_until_the_transaction_ends(past):
    item = past.root.item
    item.x = 98
    savepoint = past.transaction_manager.savepoint()
    item.x = 99
    savepoint.rollback()
    assert item.x == 98
    with pytest.raises(errors.ReadOnlyHistoryError):
        past.transaction_manager.commit()
    past.transaction_manager.abort()
    assert item.x == 0


def test_a_savepoint_stores_no_new_object(past):
    past.root.item.x = new = Item()
    with pytest.raises(errors.ReadOnlyError):
        past.transaction_manager.savepoint()
    past.transaction_manager.abort()
    assert (new._p_oid, new._p_jar) == (None, None)


def test_a_mark_of_what_was_read_does_not_keep_others_from_committing(db, past, connection):
    past.readCurrent(past.root.item)
    past.transaction_manager.commit()
    past.readCurrent(past.root.item)
    past.root.item.x = 99
    past.root.item._p_invalidate()
    with pytest.raises(errors.ReadOnlyHistoryError):
        past.transaction_manager.commit()
    past.transaction_manager.abort()


def test_the_past_and_the_present_do_not_refer_to_each_other(past, connection):
    connection.root.other = past.root.item
    with pytest.raises(errors.InvalidObjectReference):
        connection.transaction_manager.commit()
    connection.transaction_manager.abort()


# Pools


def opened(db, *points):
    connections = [db.open(transaction.TransactionManager(), before=point) for point in points]
    for connection in connections:
        connection.close()
    return connections


def test_it_is_opened_again_for_the_same_point_alone(db, tids):
    one, two = opened(db, *tids[:2])
    assert [one.before, two.before] == tids[:2]
    assert db.open(before=tids[1]) is two
    assert db.open(at=p64(u64(tids[0]) - 1)) is one
    assert db.open(transaction.TransactionManager()) not in (one, two)


def test_its_cache_is_kept_with_it(db, past, tids):
    item = past.root.item
    item._p_activate()
    past.close()
    assert db.open(at=tids[0]) is past
    assert past.root.item is item
    assert item._p_changed is False


def test_each_point_has_a_pool_of_the_size_for_historical_connections(tids, db, caplog):
    db.setHistoricalPoolSize(1)
    many = [db.open(transaction.TransactionManager(), at=tid) for tid in tids]
    assert caplog.records == []
    many.append(db.open(transaction.TransactionManager(), at=tids[0]))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    for connection in many:
        connection.close()
    assert [db.open(transaction.TransactionManager(), at=tid) for tid in tids] == [
        many[3],
        *many[1:3],
    ]


def test_a_point_that_nobody_uses_any_more_costs_nothing(db, tids):
    db.setHistoricalPoolSize(0)
    opened(db, *tids)
    db.open().close()
    assert set(db._pool._shelves) == {view for view in db._pool._shelves if view.before is None}


# Groups


@pytest.fixture
def steps():
    """Two databases that refer to each other, and the tids of three transactions in both."""
    with Collection() as collection:
        for name in "12":
            collection.add(name)
        one, two = collection.connect("1", "2")
        one.root.there = there = Item()
        two.add(there)
        points = []
        for x in range(3):
            one.root.x = there.x = x
            one.transaction_manager.commit()
            points.append(max(db.lastTransaction() for db in collection.databases.values()))
            collection.databases["1"].open()  # nothing comes of it
        # So that the last point is in the past of both.
        one.root.x = there.x = 3
        one.transaction_manager.commit()
        yield collection.databases, points


def test_a_connection_that_joins_shows_the_same_point(steps):
    databases, points = steps
    for x, point in enumerate(points):
        past = databases["1"].open(transaction.TransactionManager(), at=point)
        other = past.get_connection("2")
        assert other.before == past.before
        assert other.isReadOnly()
        assert past.root.x == past.root.there.x == x
        assert past.root.there._p_jar is other
        other.root.x = 99
        with pytest.raises(errors.ReadOnlyHistoryError):
            past.transaction_manager.commit()
        past.transaction_manager.abort()
        past.close()
        assert other.opened is None
        assert databases["1"].open(transaction.TransactionManager(), at=point) is past
        assert past.get_connection("2") is other


@pytest.mark.parametrize("name", ["1", "2"])
def test_a_group_shows_all_of_a_commit_to_several_databases_or_nothing(steps, name):
    databases, _ = steps
    for revision in databases[name].history(z64, size=4):
        for option in "at", "before":
            past = databases["1"].open(
                transaction.TransactionManager(), **{option: revision["tid"]}
            )
            assert getattr(past.root, "x", None) == (
                past.root.there.x if hasattr(past.root, "there") else None
            )
            past.close()


def test_a_connection_that_joins_shows_its_last_state_where_the_point_is_later():
    with Collection() as collection:
        one, two = collection.add("1"), collection.add("2")
        while one.lastTransaction() <= two.lastTransaction():
            with one.transaction() as connection:
                connection.root.x = 1
        past = one.open(transaction.TransactionManager(), at=one.lastTransaction())
        other = past.get_connection("2")
        assert other.before == past.before
        assert dict(other.root()) == {}


def test_what_is_committed_late_to_an_earlier_time_stays_hidden(monkeypatch):
    """The clock of the first database was ahead, and the second one begins to commit now."""
    with Collection() as collection:
        one, two = collection.add("1"), collection.add("2")
        ahead = p64(u64(one.lastTransaction()) + (1 << 40))
        storage = one.storage
        begin = storage.tpc_begin
        monkeypatch.setattr(storage, "tpc_begin", lambda meta: begin(meta, tid=ahead))
        with one.transaction() as connection:
            connection.root.x = 1
        past = one.open(transaction.TransactionManager(), at=ahead)
        other = past.get_connection("2")
        assert dict(other.root()) == {}
        with two.transaction() as connection:
            connection.root.x = connection.root.new = Item()
        assert two.lastTransaction() < past.before
        other.cacheMinimize()
        assert dict(other.root()) == {}
        new = p64(u64(two.new_oid()) - 1)
        with pytest.raises(errors.POSKeyError):
            other.get(new)


def test_what_is_shown_is_no_concern_of_invalidate_cache(db, past):
    assert past.root().keys() == {"item"}
    db.invalidateCache()
    assert past.root.item.x == 0
