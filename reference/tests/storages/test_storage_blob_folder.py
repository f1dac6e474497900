"""The folder with the contents of blobs: what is in it, when, and after a crash."""

import errno
import os
from pathlib import Path

import pytest
from blob_contents import content, files
from zodb_reference.errors import (
    POSKeyError,
    ReadOnlyError,
    StorageError,
)
from zodb_reference.interfaces import IBlobStorage
from zodb_reference.oids import p64, z64
from zodb_reference.storages import MemoryStorage

ROOT, A, B = map(p64, range(3))
FUTURE = 1 << 34  # seconds since the epoch


def nothing(data):
    return []


def test_it_says_that_it_keeps_blobs(storage):
    assert IBlobStorage.providedBy(storage)


def test_what_is_in_memory_leaves_no_files(put_blob):
    storage = MemoryStorage()
    folder = Path(storage.loadBlob(A, put_blob(storage, b"one"))).parent.parent
    storage.close()
    storage.close()
    assert not folder.exists()


def test_what_is_forgotten_without_being_closed_leaves_no_files(put_blob):
    storage = MemoryStorage()
    folder = Path(storage.loadBlob(A, put_blob(storage, b"one"))).parent.parent
    del storage
    assert not folder.exists()


def test_a_forked_process_leaves_the_files_alone(put_blob):
    storage = MemoryStorage()
    tid = put_blob(storage, b"one")
    child = os.fork()
    if not child:
        storage._folder.close()
        os._exit(0)
    os.waitpid(child, 0)
    assert content(storage, tid, A) == b"one"


def test_contents_survive_the_storage(open_sqlite, put_blob):
    storage = open_sqlite()
    tid = put_blob(storage, b"one")
    storage.close()
    assert content(open_sqlite(read_only=True), tid, A) == b"one"


def test_nothing_is_stored_in_a_storage_that_is_only_read(open_sqlite, put_blob, begin, tmp_path):
    storage = open_sqlite()
    put_blob(storage, b"one")
    storage.close()
    before = sorted(tmp_path.rglob("*"))
    storage = open_sqlite(read_only=True)
    with pytest.raises(ReadOnlyError):
        storage.storeBlob(A, z64, b"record", "", "", None)
    assert Path(storage.temporaryDirectory()).is_dir()
    storage.close()
    assert sorted(tmp_path.rglob("*")) == before


def test_without_blobs_there_is_no_folder(open_sqlite, commit, tmp_path):
    storage = open_sqlite()
    commit(storage, {A: b"record"})
    storage.temporaryDirectory()
    storage.close()
    assert [path.name for path in tmp_path.iterdir()] == ["test.sqlite"]


@pytest.mark.parametrize(
    ("step", "expected"), [("stored", b"0"), ("voted", b"0"), ("finished", b"1")]
)
def test_a_crash_leaves_record_and_content_or_neither(
    open_sqlite, start_child, tmp_path, step, expected
):
    child = start_child("crash_with_blob", tmp_path / "test.sqlite", step)
    child.communicate(timeout=60)
    storage = open_sqlite()
    data, tid = storage.load(A)
    assert data == content(storage, tid, A) == expected
    storage.pack(FUTURE, nothing, gc=False)
    kept = [path.read_bytes() for path in files(storage)]
    assert kept == [expected]


def test_what_nobody_has_stored_goes_when_the_storage_is_opened_again(open_sqlite, tmp_path):
    storage = open_sqlite()
    path = Path(storage.temporaryDirectory()) / "draft"
    path.write_bytes(b"one")
    storage.close()
    assert path.exists()
    open_sqlite()
    assert not path.exists()


def test_opening_an_old_copy_removes_nothing(open_sqlite, put_blob, tmp_path):
    storage = open_sqlite()
    put_blob(storage, b"one")
    storage.close()
    copy = (tmp_path / "test.sqlite").read_bytes()
    storage = open_sqlite()
    tid = put_blob(storage, b"two")
    storage.close()
    newest = (tmp_path / "test.sqlite").read_bytes()
    (tmp_path / "test.sqlite").write_bytes(copy)
    open_sqlite().close()
    (tmp_path / "test.sqlite").write_bytes(newest)
    assert content(open_sqlite(), tid, A) == b"two"


def test_a_pack_leaves_what_is_not_finished_yet(storage, put_blob, begin, file, monkeypatch):
    def names():
        begun.append(begin(storage))
        storage.storeBlob(B, z64, b"record", file(b"two"), "", begun[0])
        return correct()

    begun, correct = [], storage._folder.names
    put_blob(storage, b"one")
    monkeypatch.setattr(storage._folder, "names", names)
    storage.pack(FUTURE, nothing, gc=False)
    (meta,) = begun
    storage.tpc_vote(meta)
    assert content(storage, storage.tpc_finish(meta), B) == b"two"


def test_a_vote_is_refused_where_contents_cannot_be_kept(storage, begin, file, monkeypatch):
    def fail(names):
        raise OSError(errno.EIO, "the disk fails")

    monkeypatch.setattr(storage._folder, "secure", fail)
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", file(b"one"), "", meta)
    with pytest.raises(StorageError, match="the disk fails"):
        storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    with pytest.raises(POSKeyError):
        storage.load(A)
    assert files(storage) == []


def test_contents_are_on_the_disk_before_the_vote_returns(open_sqlite, begin, file, monkeypatch):
    def fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        correct(descriptor)

    synced, correct = [], os.fsync
    monkeypatch.setattr(os, "fsync", fsync)
    storage, meta = open_sqlite(), None
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", file(b"one"), "", meta)
    del synced[:]
    storage.tpc_vote(meta)
    (path,) = files(storage)
    expected = [path, path.parent, path.parent.parent, path.parent.parent.parent]
    assert set(synced) >= {each.stat().st_ino for each in expected}
    storage.tpc_finish(meta)


def test_what_became_of_a_finish_that_failed_is_decided_by_reopening(
    open_sqlite, begin, file, monkeypatch
):
    storage = open_sqlite()
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", file(b"one"), "", meta)
    storage.tpc_vote(meta)
    correct = storage._history.publish

    def publish_and_fail(transaction):
        correct(transaction)
        raise StorageError("nobody knows")

    monkeypatch.setattr(storage._history, "publish", publish_and_fail)
    with pytest.raises(StorageError):
        storage.tpc_finish(meta)
    storage.close()
    storage = open_sqlite()
    assert content(storage, storage.lastTransaction(), A) == b"one"
