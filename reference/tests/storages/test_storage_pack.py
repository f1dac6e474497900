"""Packing: what goes, and what stays."""

import math

import pytest
from persistent.timestamp import TimeStamp
from storage_contents import content, everything, tids
from zodb_reference.errors import (
    POSKeyError,
    UndoError,
)
from zodb_reference.oids import maxtid, p64

ROOT, A, B, C, D = map(p64, range(5))
FUTURE = 1 << 34  # seconds since the epoch


def references(data):
    """Take records for what they are in these tests: oids in a row, then less than eight bytes.

    Longer texts are oids as well, of objects that are not there.
    """
    return [data[place : place + 8] for place in range(0, len(data) // 8 * 8, 8)]


def nothing(data):
    return []


def time_of(tid):
    """Return the time of a transaction, or a microsecond later: a float is no more exact."""
    return TimeStamp(tid).timeTime() + 1e-6


def just_before(tid):
    return time_of(tid) - 2e-6


# What goes, what stays


def test_revisions_that_were_replaced_by_then_go(storage, commit):
    made = [commit(storage, {ROOT: b"%d" % number}) for number in range(4)]
    storage.pack(time_of(made[2]), nothing)
    for tid in made[:2]:
        with pytest.raises(POSKeyError):
            storage.loadSerial(ROOT, tid)
    assert storage.loadSerial(ROOT, made[2]) == b"2"
    assert storage.load(ROOT) == (b"3", made[3])
    assert [entry["tid"] for entry in storage.history(ROOT, 9)] == [made[3], made[2]]
    assert tids(storage) == made[2:]
    assert storage.loadBefore(ROOT, made[3]) == (b"2", made[2], made[3])


def test_what_is_current_at_that_very_time_stays(storage, commit):
    made = [commit(storage, {ROOT: b"%d" % number}) for number in range(3)]
    storage.pack(just_before(made[2]), nothing)
    assert tids(storage) == made[1:]


def test_a_snapshot_older_than_what_is_left_finds_nothing(storage, commit):
    made = [commit(storage, {ROOT: A, A: b"%d" % number}) for number in range(3)]
    commit(storage, {ROOT: b""})
    storage.pack(time_of(made[2]), references)
    assert storage.loadBefore(A, made[2]) is None
    last = storage.lastTransaction()
    storage.pack(FUTURE, references)
    assert storage.loadBefore(A, last) is None
    with pytest.raises(POSKeyError):
        storage.loadBefore(A, maxtid)
    with pytest.raises(POSKeyError):
        storage.loadBefore(p64(99), last)


@pytest.mark.parametrize("t", [FUTURE, "last"])
def test_packing_changes_nothing_that_is_current(storage, commit, t):
    commit(storage, {ROOT: A + B, A: b"a", B: b"b"})
    commit(storage, {A: b"aa"})
    last = commit(storage, {A: b"aaa", C: b"garbage"})
    current = [storage.load(oid) for oid in (ROOT, A, B)]
    storage.pack(time_of(last) if t == "last" else t, references)
    assert [storage.load(oid) for oid in (ROOT, A, B)] == current
    assert storage.lastTransaction() == last
    assert len(storage) == 3
    assert commit(storage, {ROOT: A}) > last


def test_the_last_transaction_is_told_even_if_nothing_of_it_is_left(
    storage, commit, open_sqlite, request
):
    commit(storage, {ROOT: b"r"})
    last = commit(storage, {A: b"garbage"})
    storage.pack(FUTURE, references)
    assert storage.lastTransaction() == last
    assert len(tids(storage)) == 1
    assert storage.new_oid() > A
    if "sqlite" in request.node.name:
        storage.close()
        storage = open_sqlite()
        assert storage.lastTransaction() == last
        assert storage.new_oid() > A


def test_what_can_not_be_reached_from_the_root_goes(storage, commit):
    commit(storage, {ROOT: A, A: B, B: C, C: b"c", D: b"d"})
    commit(storage, {A: b"", D: D})
    storage.pack(FUTURE, references)
    assert content(storage) == [[(ROOT, A, None, "")], [(A, b"", None, "")]]
    for oid in (B, C, D):
        with pytest.raises(POSKeyError):
            storage.load(oid)
    assert len(storage) == 2


def test_cycles_and_references_to_nothing_do_no_harm(storage, commit):
    commit(storage, {ROOT: A + D, A: B + A, B: A + ROOT})
    before = content(storage)
    storage.pack(FUTURE, references)
    assert content(storage) == before


def test_without_garbage_collection_all_current_revisions_stay(storage, commit):
    made = [commit(storage, {ROOT: b"%d" % n, A: b"%d" % n}) for n in range(3)]
    storage.pack(FUTURE, references, gc=False)
    assert tids(storage) == made[2:]
    assert storage.load(A)[0] == b"2"
    storage.pack(FUTURE, references)
    assert content(storage) == [[(ROOT, b"2", None, "")]]


def test_what_was_reachable_later_than_that_time_stays(storage, commit):
    first = commit(storage, {ROOT: b"", A: B, B: b"b", C: b"garbage"})
    commit(storage, {ROOT: A})
    commit(storage, {ROOT: b""})
    storage.pack(time_of(first), references)
    assert [storage.load(oid)[0] for oid in (A, B)] == [B, b"b"]
    with pytest.raises(POSKeyError):
        storage.load(C)


def test_what_was_stored_later_than_that_time_stays_with_all_it_refers_to(storage, commit):
    first = commit(storage, {ROOT: b"", A: B, B: b"b", C: D, D: b"d"})
    commit(storage, {C: b"no reference to D any more"})
    storage.pack(time_of(first), references)
    assert sorted(oid for one in content(storage) for oid, *_ in one) == [ROOT, C, C, D]


def test_a_later_pack_takes_what_was_left(storage, commit):
    first = commit(storage, {ROOT: A, A: b"a"})
    second = commit(storage, {ROOT: b""})
    storage.pack(time_of(first), references)
    assert len(storage) == 2
    storage.pack(time_of(second), references)
    assert content(storage) == [[(ROOT, b"", None, "")]]


def test_packing_to_an_earlier_time_changes_nothing(storage, commit):
    """It would not see that A was referred to in between, by what is not there any more."""
    first = commit(storage, {ROOT: B, B: b"", A: b"a"})
    second = commit(storage, {B: A})
    third = commit(storage, {B: A + C, C: b"c"})
    commit(storage, {ROOT: B + B})
    storage.pack(time_of(third), references)
    before = everything(storage)
    for t in (time_of(second), time_of(first), 0, -1000):
        storage.pack(t, references)
    assert everything(storage) == before
    storage.pack(time_of(third), references)
    assert everything(storage) == before


@pytest.mark.parametrize("t", [0, -3e9, -1e20, -math.inf])
def test_packing_to_a_time_before_all_changes_nothing(storage, commit, t):
    storage.pack(FUTURE, references)
    commit(storage, {ROOT: b"r", A: b"garbage"})
    before = everything(storage)
    storage.pack(t, references)
    assert everything(storage) == before


@pytest.mark.parametrize("t", [math.nan, math.inf, 1e20, 7e11, None, "now"])
def test_packing_to_what_is_no_time_is_refused(storage, commit, t):
    commit(storage, {ROOT: b"r", A: b"garbage"})
    before = everything(storage)
    error = ValueError if isinstance(t, float) else TypeError
    with pytest.raises(error, match="seconds since the epoch"):
        storage.pack(t, references)
    assert everything(storage) == before


def test_objects_that_ceased_to_exist_leave_nothing(storage, commit, undo):
    commit(storage, {ROOT: A})
    commit(storage, {A: b"a"})
    undo(storage, 0)
    storage.pack(FUTURE, references, gc=False)
    assert content(storage) == [[(ROOT, A, None, "")]]
    assert commit(storage, {A: b"again"}) == storage.getTid(A)


def test_transactions_without_records_go_too(storage, commit):
    commit(storage, {})
    second = commit(storage, {ROOT: b"r"})
    third = commit(storage, {})
    last = commit(storage, {})
    storage.pack(time_of(third), references)
    assert tids(storage) == [second, last]


def test_the_room_of_what_went_is_used_again(storage, commit):
    for _ in range(5):
        commit(storage, {ROOT: bytes(100_000)})
    size = storage.getSize()
    storage.pack(FUTURE, nothing)
    assert storage.getSize() < size / 3
    for _ in range(4):
        commit(storage, {ROOT: bytes(100_000)})
    assert storage.getSize() <= size + 30_000  # what the second format takes


# Undo and packing


def test_what_was_packed_can_not_be_undone_and_is_not_listed(storage, commit, begin):
    made = [commit(storage, {ROOT: b"%d" % number}) for number in range(4)]
    log = storage.undoLog()
    storage.pack(time_of(made[1]), nothing)
    assert storage.undoLog() == storage.undoInfo() == log[:2]
    assert [one.status for one in storage.iterator()] == ["p", " ", " "]
    meta = begin(storage)
    for entry in log[2:]:
        with pytest.raises(UndoError, match=r"was packed|none any more"):
            storage.undo(entry["id"], meta)
    storage.tpc_abort(meta)


def test_what_is_later_can_be_undone_down_to_what_was_packed(storage, commit, undo):
    made = [commit(storage, {ROOT: b"%d" % number}) for number in range(4)]
    storage.pack(time_of(made[1]), nothing)
    undo(storage, 0)
    undo(storage, 2)
    assert storage.load(ROOT)[0] == b"1"


def test_a_removal_from_the_root_can_be_undone(storage, commit, undo):
    first = commit(storage, {ROOT: b""})
    commit(storage, {ROOT: A, A: b"a"})
    commit(storage, {ROOT: b""})
    storage.pack(time_of(first), references)
    undo(storage, 0)
    assert storage.load(ROOT)[0] == A
    assert storage.load(A)[0] == b"a"


def test_an_undo_keeps_its_data_where_the_data_it_shares_are_packed(storage, commit, undo):
    commit(storage, {ROOT: b"1"})
    second = commit(storage, {ROOT: b"2"})
    undo(storage, 0)
    storage.pack(time_of(second), nothing)
    assert content(storage) == [[(ROOT, b"2", None, "")], [(ROOT, b"1", None, "")]]
    undo(storage, 0)
    assert storage.load(ROOT)[0] == b"2"
    assert content(storage)[-1] == [(ROOT, b"2", second, "")]


def test_packing_after_each_of_many_undos_changes_nothing(storage, commit, undo):
    commit(storage, {ROOT: b"0"})
    commit(storage, {ROOT: b"1"})
    times = []
    for number in range(6):
        undo(storage, 0)
        times.append(time_of(storage.lastTransaction()))
        assert storage.load(ROOT)[0] == b"%d" % (number % 2)
    for number, t in enumerate(times):
        storage.pack(t, references)
        assert storage.load(ROOT)[0] == b"1"
        assert len(tids(storage)) == len(times) - number


# Versions and packing


@pytest.fixture
def versioned(make_storage):
    """Return an empty storage with versions, of each kind in turn."""
    return make_storage(versions=True)


def test_what_a_version_holds_stays_with_the_trunk_below(versioned, put, shown):
    put(versioned, ROOT, b"0")
    trunk = put(versioned, ROOT, b"1")
    put(versioned, ROOT, b"2", "v")
    held = put(versioned, ROOT, b"3", "v")
    versioned.pack(FUTURE, nothing)
    assert shown(versioned, ROOT, "v") == [b"1", b"3"]
    assert tids(versioned) == [trunk, held]
    assert versioned.versions() == ["v"]
    assert versioned.loadBefore(ROOT, maxtid) == (b"1", trunk, None)


def test_what_is_reached_in_a_version_or_below_it_stays(versioned, put, shown):
    for oid in (A, B, C):
        put(versioned, oid, b"")
    put(versioned, ROOT, A)
    put(versioned, ROOT, B, "v")
    put(versioned, B, D, "w")
    put(versioned, D, b"d", "w")
    versioned.pack(FUTURE, references)
    assert shown(versioned, A) == [b""]
    assert shown(versioned, B, "w") == [b"", D]
    assert shown(versioned, D, "w") == [None, b"d"]
    assert shown(versioned, C) == [None]


def test_what_ended_versions_held_goes(versioned, put, end):
    put(versioned, ROOT, b"0")
    put(versioned, ROOT, b"1", "v")
    committed, _ = end(versioned, ("v", ""))
    put(versioned, A, b"new", "w")
    end(versioned, "w")
    versioned.pack(FUTURE, nothing)
    assert content(versioned) == [[(ROOT, b"1", None, "")]]
    assert tids(versioned) == [committed]


@pytest.mark.parametrize("what", ["v", ("v", "")])
def test_the_end_of_a_version_can_be_undone_after_packing_to_a_time_before(
    versioned, put, end, undo, shown, what
):
    put(versioned, ROOT, b"0")
    put(versioned, ROOT, b"1")
    put(versioned, ROOT, b"2", "v")
    t = time_of(put(versioned, ROOT, b"3", "v"))
    end(versioned, what)
    versioned.pack(t, references)
    undo(versioned, 0)
    assert shown(versioned, ROOT, "v") == [b"1", b"3"]
    versioned.pack(FUTURE, references)
    assert shown(versioned, ROOT, "v") == [b"1", b"3"]
    end(versioned, "v")
    assert shown(versioned, ROOT, "v") == [b"1", b"1"]
