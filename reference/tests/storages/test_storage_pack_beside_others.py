"""Packing beside readers and committers, and where it fails; packing in a file."""

import threading

import pytest
from persistent.timestamp import TimeStamp
from storage_contents import content, everything, tids
from zodb_reference.errors import (
    ReadOnlyError,
    StorageError,
    StorageTransactionError,
)
from zodb_reference.oids import p64

ROOT, A, B, C, D = map(p64, range(5))
FUTURE = 1 << 34  # seconds since the epoch


def references(data):
    """Take records for what they are in these tests: oids in a row, then less than eight bytes.

    Longer texts are oids as well, of objects that are not there.
    """
    return [data[place : place + 8] for place in range(0, len(data) // 8 * 8, 8)]


# Beside others


def test_commits_beside_packing_are_kept_with_all_they_refer_to(storage, commit):
    def references_while_others_commit(data):
        if data == b"last":
            commit(storage, {B: b"new", ROOT: A + B + D})
        return references(data)

    commit(storage, {ROOT: A, A: b"last", C: b"garbage", D: C})
    storage.pack(FUTURE, references_while_others_commit)
    assert storage.load(ROOT)[0] == A + B + D
    assert [storage.load(oid)[0] for oid in (A, B, C, D)] == [b"last", b"new", b"garbage", C]
    assert len(storage.undoLog()) == 1


def test_a_commit_under_way_is_waited_for_in_the_end_and_kept(storage, commit, begin):
    first = commit(storage, {ROOT: b"", A: B, B: b"b"})
    meta = begin(storage)
    storage.store(ROOT, first, A, "", meta)
    storage.tpc_vote(meta)
    marked = threading.Event()

    def note(data):
        marked.set()
        return references(data)

    packer = threading.Thread(target=storage.pack, args=(FUTURE, note), daemon=True)
    packer.start()
    assert marked.wait(10)
    packer.join(0.2)
    assert packer.is_alive()
    assert storage.load(A)[0] == B  # others read
    tid = storage.tpc_finish(meta)
    packer.join(10)
    assert not packer.is_alive()
    assert tids(storage) == [first, tid]
    assert [storage.load(oid)[0] for oid in (ROOT, A, B)] == [A, B, b"b"]


def test_the_second_of_two_waits_for_its_turn(storage, commit):
    def note(data):
        if threading.current_thread() is not second:
            second.start()
            second.join(0.2)
            assert second.is_alive()
        order.append(threading.current_thread())
        return []

    order = []
    second = threading.Thread(target=lambda: storage.pack(FUTURE, note), daemon=True)
    commit(storage, {ROOT: b"r"})
    storage.pack(FUTURE, note)
    second.join(10)
    assert order == [threading.current_thread(), second]


def test_threads_commit_and_read_while_a_storage_is_packed_again_and_again(storage, commit):
    commit(storage, {ROOT: A + B, A: b"0", B: b"0"})
    failures = []
    turn = threading.Lock()

    def work(oid):
        try:
            for number in range(1, 40):
                with turn:
                    tid = commit(storage, {oid: b"%d" % number})
                assert storage.load(oid) == (b"%d" % number, tid)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(oid,), daemon=True) for oid in (A, B)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        storage.pack(FUTURE, references)
    assert failures == []
    assert [storage.load(oid)[0] for oid in (A, B)] == [b"39", b"39"]
    storage.pack(FUTURE, references)
    assert len(content(storage)) == 3


def test_others_read_while_references_are_looked_for(storage, commit):
    def references_read_by_another(data):
        reader = threading.Thread(target=storage.load, args=(ROOT,), daemon=True)
        reader.start()
        reader.join(10)
        assert not reader.is_alive()
        looked_at.append(data)
        return references(data)

    looked_at = []
    commit(storage, {ROOT: b"r"})
    t = TimeStamp(storage.lastTransaction()).timeTime() + 1e-6
    commit(storage, {A: b"later"})
    storage.pack(t, references_read_by_another)
    assert set(looked_at) == {b"r", b"later"}


# What fails


def test_what_reading_references_raises_passes_and_nothing_changes(storage, commit):
    commit(storage, {ROOT: A, A: b"a"})
    commit(storage, {A: b"aa"})
    before = everything(storage)
    with pytest.raises(ZeroDivisionError):
        storage.pack(FUTURE, lambda data: 1 // 0)
    assert everything(storage) == before
    storage.pack(FUTURE, references)
    assert everything(storage) != before


def test_a_thread_does_not_wait_for_itself(storage, commit, begin):
    commit(storage, {ROOT: b"r"})
    meta = begin(storage)
    with pytest.raises(StorageTransactionError, match="pack: this thread is committing"):
        storage.pack(FUTURE, references)
    storage.tpc_abort(meta)
    storage.pack(FUTURE, references)


def test_a_read_only_or_closed_storage_is_not_packed(open_sqlite, commit):
    storage = open_sqlite()
    commit(storage, {ROOT: b"r"})
    storage.close()
    with pytest.raises(StorageError, match="closed"):
        storage.pack(FUTURE, references)
    with pytest.raises(ReadOnlyError):
        open_sqlite(read_only=True).pack(FUTURE, references)


def test_a_storage_that_is_closed_meanwhile_is_not_packed(storage, commit):
    commit(storage, {ROOT: A, A: b"a"})

    def close(data):
        storage.close()
        return []

    with pytest.raises(StorageError, match="closed"):
        storage.pack(FUTURE, close)


def test_a_storage_that_could_not_finish_a_commit_meanwhile_is_not_packed(
    storage, commit, monkeypatch
):
    """Whether that commit was kept is not known, and so not what may go."""

    def fail_to_commit(data):
        with monkeypatch.context() as patch:
            patch.setattr(storage._history, "publish", fail)
            with pytest.raises(StorageError, match="went away"):
                commit(storage, {B: b"b"})
        return references(data)

    def fail(transaction):
        raise StorageError("the disk went away")

    commit(storage, {ROOT: b"r", A: b"garbage"})
    with pytest.raises(StorageError, match="open the storage again"):
        storage.pack(FUTURE, fail_to_commit)
    assert storage.load(A)[0] == b"garbage"


def test_what_is_no_time_is_refused(storage, commit):
    commit(storage, {ROOT: b"r"})
    with pytest.raises((ValueError, OverflowError)):
        storage.pack(float("nan"), references)


# In a file


def test_packing_lasts(open_sqlite, commit, undo, tmp_path):
    storage = open_sqlite()
    for number in range(3):
        commit(storage, {ROOT: A + b"%d" % number, A: b"a", B: b"garbage"})
    undo(storage, 0)
    storage.pack(FUTURE, references)
    commit(storage, {ROOT: A})
    before = everything(storage)
    assert len(before[1]) == 1
    storage.close()
    storage = open_sqlite(read_only=True)
    assert everything(storage) == before
    storage.close()
    storage = open_sqlite()
    storage.pack(0, references)
    assert everything(storage) == before


def test_packing_without_room_is_refused_and_changes_nothing(open_sqlite, commit, monkeypatch):
    storage = open_sqlite()
    for number in range(5):
        commit(storage, {ROOT: b"%d" % number, A: b"garbage"})
    before = everything(storage)
    ((pages,),) = storage._file.rows("PRAGMA page_count")
    storage._file.rows(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StorageError, match="free some space"):
        storage.pack(FUTURE, references)
    assert everything(storage) == before
    storage._file.rows(f"PRAGMA max_page_count = {pages + 100}")
    storage.pack(FUTURE, references)
    assert content(storage) == [[(ROOT, b"4", None, "")]]
