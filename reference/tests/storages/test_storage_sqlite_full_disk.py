"""A disk without room: the vote refuses, nothing changes, and later all goes on."""

import os
import shutil
import subprocess

import pytest
from zodb_reference.errors import StorageError
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage, sqlite_file

A = p64(1)


def assert_refused(storage, begin, data):
    """Assert that the vote for `data` is refused, and that nothing changes."""
    before = storage.load(A), storage.lastTransaction(), len(list(storage.iterator()))
    meta = begin(storage)
    storage.store(A, before[0][1], data, "", meta)
    with pytest.raises(StorageError, match="disk"):
        storage.tpc_vote(meta)
    assert (storage.load(A), storage.lastTransaction(), len(list(storage.iterator()))) == before
    storage.tpc_abort(meta)


def test_a_vote_without_room_is_refused_and_the_next_transaction_may_have_it(
    open_sqlite, begin, commit
):
    storage = open_sqlite()
    commit(storage, {A: b"a"})
    ((pages,),) = storage._file.rows("PRAGMA page_count")
    storage._file.rows(f"PRAGMA max_page_count = {pages + 2}")
    assert_refused(storage, begin, bytes(100_000))
    commit(storage, {A: b"small"})
    storage._file.rows(f"PRAGMA max_page_count = {pages + 200}")
    commit(storage, {A: bytes(100_000)})
    storage.close()
    assert open_sqlite().load(A)[0] == bytes(100_000)


def test_a_vote_that_was_refused_may_be_tried_again(open_sqlite, begin):
    storage = open_sqlite()
    ((pages,),) = storage._file.rows("PRAGMA page_count")
    storage._file.rows(f"PRAGMA max_page_count = {pages + 2}")
    meta = begin(storage)
    storage.store(A, z64, bytes(100_000), "", meta)
    with pytest.raises(StorageError, match="free some space"):
        storage.tpc_vote(meta)
    storage._file.rows(f"PRAGMA max_page_count = {pages + 200}")
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert storage.load(A) == (bytes(100_000), tid)


def test_where_files_may_not_grow_the_vote_refuses(tmp_path, run_child):
    words = run_child("limited", tmp_path / "test.sqlite", "vote").split()
    assert set(words) == {"refused", "finished"}
    assert (words[0], words[-1]) == ("refused", "finished")


def test_after_the_vote_it_does_not_matter_that_files_may_not_grow(tmp_path, run_child):
    words = run_child("limited", tmp_path / "test.sqlite", "finish").split()
    assert set(words) == {"finished"}


def test_room_is_reserved_where_the_system_has_no_call_for_it(open_sqlite, commit, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    storage = open_sqlite()
    commit(storage, {A: b"a"})
    log = storage._file._log
    size = log.stat().st_size
    storage._file.reserve()
    assert log.stat().st_size == size + sqlite_file.RESERVE
    commit(storage, {A: b"b"})
    assert storage.load(A)[0] == b"b"


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of one megabyte; to be asked for before `open_sqlite`."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"]
    if not (mount and umount) or subprocess.run([mount, *options, folder], check=False).returncode:
        pytest.skip("only root can mount a small disk, and not everywhere")
    yield folder
    subprocess.run([umount, folder], check=True)


@pytest.fixture
def fill(small_disk):
    """Return what fills the small disk up to a number of bytes."""

    def fill_disk(room):
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast = bytes(max(0, free - room))
        (small_disk / "ballast").write_bytes(ballast)

    return fill_disk


def test_a_full_disk_refuses_votes_until_there_is_room(
    small_disk, fill, open_sqlite, begin, commit
):
    storage = open_sqlite(small_disk / "test.sqlite")
    commit(storage, {A: b"a"})
    fill(20_000)
    assert_refused(storage, begin, bytes(50_000))
    (small_disk / "ballast").unlink()
    tid = commit(storage, {A: bytes(50_000)})
    storage.close()
    storage = open_sqlite(small_disk / "test.sqlite")
    assert storage.load(A) == (bytes(50_000), tid)


def test_a_disk_that_gets_full_after_the_vote_does_not_matter(
    small_disk, fill, open_sqlite, begin, commit
):
    storage = open_sqlite(small_disk / "test.sqlite")
    tid = commit(storage, {A: b"a"})
    for number in range(3):
        meta = begin(storage)
        storage.store(A, tid, b"%d" % number * 9000, "", meta)
        storage.tpc_vote(meta)
        fill(0)
        tid = storage.tpc_finish(meta)
        assert storage.load(A) == (b"%d" % number * 9000, tid)
        assert_refused(storage, begin, bytes(50_000))
        (small_disk / "ballast").unlink()


def test_what_was_committed_is_kept_where_a_full_disk_is_closed(
    small_disk, fill, open_sqlite, commit, caplog
):
    storage = open_sqlite(small_disk / "test.sqlite")
    for number in range(5):
        tid = commit(storage, {A: b"%d" % number * 20_000})
    fill(0)
    storage.close()
    assert "can't be closed into one file" in caplog.text
    (small_disk / "ballast").unlink()
    storage = open_sqlite(small_disk / "test.sqlite")
    assert storage.load(A) == (b"4" * 20_000, tid)
    storage.close()
    assert [path.name for path in small_disk.iterdir()] == ["test.sqlite"]


def test_a_storage_without_room_for_it_is_not_made(small_disk, fill):
    fill(8_000)
    with pytest.raises(StorageError, match="disk"):
        SQLiteStorage(small_disk / "test.sqlite")
    assert [path.name for path in small_disk.iterdir()] == ["ballast"]
