"""Revisions, history and iteration."""

import pickle

import pytest
from persistent.timestamp import TimeStamp
from zodb_reference.errors import POSKeyError
from zodb_reference.oids import maxtid, p64, u64, z64

A, B, C, D, UNKNOWN = map(p64, (1, 2, 3, 4, 99))


@pytest.fixture
def revisions(storage, commit):
    """Return the tids of three revisions of A, with one of B between them."""
    tids = [commit(storage, {A: b"1"}), commit(storage, {A: b"2"})]
    commit(storage, {B: b"b"})
    return [*tids, commit(storage, {A: b"3"})]


def before(tid):
    return p64(u64(tid) - 1)


def test_load_gives_the_current_revision(storage, revisions):
    assert storage.load(A) == storage.load(A, "") == (b"3", revisions[2])
    with pytest.raises(ValueError, match="no versions"):
        storage.load(A, "a version")


def test_load_before_gives_the_revision_and_when_it_ended(storage, revisions):
    first, second, third = revisions
    assert storage.loadBefore(A, maxtid) == (b"3", third, None)
    assert storage.loadBefore(A, p64(u64(third) + 1)) == (b"3", third, None)
    assert storage.loadBefore(A, third) == (b"2", second, third)
    assert storage.loadBefore(A, before(third)) == (b"2", second, third)
    assert storage.loadBefore(A, second) == (b"1", first, second)
    assert storage.loadBefore(A, first) is None
    assert storage.loadBefore(A, z64) is None


def test_load_serial_gives_exactly_that_revision(storage, revisions):
    for tid, data in zip(revisions, (b"1", b"2", b"3"), strict=True):
        assert storage.loadSerial(A, tid) == data
    for tid in (z64, before(revisions[1]), storage.getTid(B), maxtid):
        with pytest.raises(POSKeyError):
            storage.loadSerial(A, tid)


def test_an_unknown_object_is_a_key_error_that_names_it(storage, revisions):
    for call in (
        lambda: storage.load(UNKNOWN),
        lambda: storage.loadBefore(UNKNOWN, maxtid),
        lambda: storage.loadSerial(UNKNOWN, revisions[0]),
        lambda: storage.getTid(UNKNOWN),
        lambda: storage.history(UNKNOWN),
    ):
        with pytest.raises(POSKeyError, match="0x63") as caught:
            call()
        assert isinstance(caught.value, KeyError)
        assert caught.value.args[0] == UNKNOWN


def test_history_tells_revisions_newest_first(storage, commit):
    first = commit(storage, {A: b"1", B: b"b"}, user="somebody", description="begin")
    last = commit(storage, {A: b"four"}, extension={"mood": "good", "size": "clash"})
    assert storage.history(A) == storage.history(A, 1)
    assert storage.history(A, 0) == []
    assert storage.history(A, 7) == [
        {
            "time": TimeStamp(last).timeTime(),
            "tid": last,
            "serial": last,
            "user_name": b"",
            "description": b"",
            "size": 4,
            "mood": "good",
        },
        {
            "time": TimeStamp(first).timeTime(),
            "tid": first,
            "serial": first,
            "user_name": b"somebody",
            "description": b"begin",
            "size": 1,
        },
    ]


@pytest.mark.parametrize("size", [None, 1.5, "1"])
def test_the_size_of_a_history_is_a_whole_number(storage, commit, size):
    commit(storage, {A: b"1"})
    for call in ((A, None, size), (A, "", size)):
        with pytest.raises(TypeError, match="whole number"):
            storage.history(*call)


def test_history_can_be_read_where_an_extension_can_not(storage, begin, caplog):
    meta = begin(storage)
    storage.tpc_abort(meta)
    meta.extension_bytes = b"no pickle"
    storage.tpc_begin(meta)
    storage.store(A, z64, b"a", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert [entry["tid"] for entry in storage.history(A)] == [tid]
    assert "unreadable extension" in caplog.text
    assert next(storage.iterator()).extension_bytes == b"no pickle"


def test_iteration_gives_transactions_and_their_records_in_order(storage, commit, begin):
    first = commit(
        storage,
        {B: b"b", A: b"a"},
        user="käthe",
        description="begin",
        extension={"mood": "good"},
    )
    second = commit(storage, {A: b"c"})
    one, two = storage.iterator()
    assert (one.tid, one.status, one.user, one.description) == (
        first,
        " ",
        "käthe".encode(),
        b"begin",
    )
    assert one.extension == pickle.loads(one.extension_bytes) == {"mood": "good"}
    assert (two.tid, two.extension, two.extension_bytes) == (second, {}, b"")
    assert [
        (record.oid, record.tid, record.data, record.version, record.data_txn) for record in one
    ] == [(B, first, b"b", "", None), (A, first, b"a", "", None)]
    assert [record.data for record in two] == [record.data for record in two] == [b"c"]


def test_iteration_includes_its_bounds(storage, commit):
    tids = [commit(storage, {A: b"a"}) for _ in range(5)]

    def told(*bounds):
        return [transaction.tid for transaction in storage.iterator(*bounds)]

    assert told() == told(None, None) == told(z64, maxtid) == tids
    assert told(tids[1], tids[3]) == tids[1:4]
    assert told(tids[3]) == tids[3:]
    assert told(None, tids[1]) == tids[:2]
    assert told(before(tids[2]), before(tids[4])) == tids[2:4]
    assert told(tids[3], tids[1]) == []
    assert told(maxtid) == []


def test_iteration_shows_what_was_there_when_it_was_asked_for(storage, commit):
    tids = [commit(storage, {A: b"a"}) for _ in range(2)]
    iterator = storage.iterator()
    commit(storage, {A: b"b"})
    assert next(iterator).tid == tids[0]
    commit(storage, {A: b"c"})
    assert [transaction.tid for transaction in iterator] == tids[1:]


def test_current_records_are_given_one_by_one_in_the_order_of_oids(make_storage, put, end, undo):
    storage = make_storage(versions=True)
    with pytest.raises(ValueError, match="no objects"):
        storage.record_iternext()
    put(storage, C, b"gone")
    undo(storage, 0)
    with pytest.raises(ValueError, match="no objects"):
        storage.record_iternext()
    for oid, data, version in ((D, b"d", ""), (B, b"created", "v"), (A, b"a", ""), (A, b"x", "v")):
        put(storage, oid, data, version)
    found, cookie = [], None
    while not found or cookie is not None:
        *record, cookie = storage.record_iternext(cookie)
        found.append(tuple(record))
    assert found == [(oid, storage.getTid(oid), data) for oid, data in ((A, b"a"), (D, b"d"))]
    assert storage.record_iternext(B) == (D, storage.getTid(D), b"d", None)
    with pytest.raises(ValueError, match="no further"):
        storage.record_iternext(p64(9))


def test_what_iteration_gives_can_be_changed_without_changing_the_storage(storage, commit):
    commit(storage, {A: b"a"})
    transaction = next(storage.iterator())
    for record in transaction:
        record.data = b"unpacked"
    transaction.extension = {"more": 1}
    assert storage.load(A)[0] == b"a"
    assert [(one.extension, [r.data for r in one]) for one in storage.iterator()] == [({}, [b"a"])]


def test_what_iteration_gives_can_begin_a_transaction_of_another_storage(
    storage, commit, make_storage, tmp_path
):
    commit(storage, {A: b"a", B: b"b"}, user="u", description="d", extension={"x": 1})
    commit(storage, {A: b"aa"})
    copy = make_storage(str(tmp_path / "copy.sqlite"))
    for transaction in storage.iterator():
        copy.tpc_begin(transaction, transaction.tid, "p")
        for record in transaction:
            try:
                serial = copy.getTid(record.oid)
            except POSKeyError:
                serial = None
            copy.store(record.oid, serial, record.data, record.version, transaction)
        transaction.set_data(copy, "kept")
        assert transaction.data(copy) == "kept"
        copy.tpc_vote(transaction)
        assert copy.tpc_finish(transaction) == transaction.tid

    def content(storage):
        return [
            (one.tid, one.user, one.description, one.extension_bytes, list(one))
            for one in storage.iterator()
        ]

    assert content(copy) == content(storage)
    assert {transaction.status for transaction in copy.iterator()} == {"p"}


def test_the_last_transactions_are_told_with_what_they_wrote(storage, commit):
    assert storage.lastInvalidations(3) == []
    tids = [commit(storage, {p64(number): b"data", z64: b"root"}) for number in range(1, 4)]
    expected = [(tid, {p64(number), z64}) for number, tid in enumerate(tids, 1)]
    for size in range(5):
        found = [(tid, set(oids)) for tid, oids in storage.lastInvalidations(size)]
        assert found == expected[len(tids) - min(size, len(tids)) :]
