"""Blobs in storages: the contents come, stay and go with the records."""

import errno
import shutil
import stat
import threading
from pathlib import Path

import pytest
from blob_contents import content, files
from zodb_reference import blobfiles
from zodb_reference.errors import (
    ConflictError,
    POSKeyError,
    StorageError,
    StorageTransactionError,
    UndoError,
    Unsupported,
)
from zodb_reference.oids import p64, z64
from zodb_reference.storages import MemoryStorage

ROOT, A, B = map(p64, range(3))
RECORD = b"\x80\x03cZODB.blob\nBlob\nq\x00.\x80\x03N."
FUTURE = 1 << 34  # seconds since the epoch


def nothing(data):
    return []


# Storing and loading


def test_record_and_content_are_there_together(storage, put_blob):
    tid = put_blob(storage, b"one")
    assert storage.load(A) == (b"record", tid)
    assert content(storage, tid, A) == b"one"
    with storage.openCommittedBlobFile(A, tid) as opened:
        assert opened.read() == b"one"


def test_every_revision_has_its_content(storage, put_blob):
    made = [put_blob(storage, b"%d" % number) for number in range(3)]
    assert [content(storage, tid, A) for tid in made] == [b"0", b"1", b"2"]


def test_the_file_belongs_to_the_storage(storage, begin, file):
    path = file(b"one")
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", path, "", meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    assert not Path(path).exists()


def test_a_content_cannot_be_written_and_is_read_by_who_reads_the_folder(storage, put_blob):
    path = Path(storage.loadBlob(A, put_blob(storage, b"one")))
    expected = stat.S_IMODE(path.parent.stat().st_mode) & 0o444
    assert stat.S_IMODE(path.stat().st_mode) == expected


@pytest.mark.parametrize("serial", [z64, p64(1), b"\x7f" * 8])
def test_there_is_no_content_of_another_revision(storage, put_blob, serial):
    put_blob(storage, b"one")
    for load in (storage.loadBlob, storage.openCommittedBlobFile):
        with pytest.raises(POSKeyError):
            load(A, serial)


def test_a_record_that_is_none_of_a_blob_has_no_content(storage, commit):
    tid = commit(storage, {A: b"record"})
    with pytest.raises(POSKeyError):
        storage.loadBlob(A, tid)


def test_a_file_for_a_blob_tells_it_that_it_was_closed(storage, put_blob):
    class Listener:
        def closed(self, file):
            told.append(file)

    told = []
    opened = storage.openCommittedBlobFile(A, put_blob(storage, b"one"), Listener())
    assert opened.read() == b"one"
    opened.close()
    assert told == [opened]


def test_the_content_is_taken_over_without_a_copy(storage, begin):
    path = blobfiles.new_file(storage.temporaryDirectory())
    path.write_bytes(b"one")
    inode = path.stat().st_ino
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", str(path), "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert Path(storage.loadBlob(A, tid)).stat().st_ino == inode


def test_a_content_on_another_disk_is_copied_and_removed(storage, begin, file, monkeypatch):
    def replace(self, target):
        if str(self) == path:
            raise OSError(errno.EXDEV, "another disk")
        return correct(self, target)

    path, correct = file(b"one"), Path.replace
    monkeypatch.setattr(Path, "replace", replace)
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", path, "", meta)
    storage.tpc_vote(meta)
    assert content(storage, storage.tpc_finish(meta), A) == b"one"
    assert not Path(path).exists()


def test_what_a_link_leads_to_is_copied_and_stays(storage, begin, file, tmp_path):
    target, link = file(b"one"), tmp_path / "link"
    link.symlink_to(target)
    meta = begin(storage)
    storage.storeBlob(A, z64, b"record", str(link), "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    Path(target).write_bytes(b"two")
    assert content(storage, tid, A) == b"one"
    assert not link.is_symlink()


# Before the end of the transaction, and without it


def test_before_the_end_there_is_no_content(storage, begin, file):
    meta = begin(storage, tid=p64(1 << 60))
    storage.storeBlob(A, z64, b"record", file(b"one"), "", meta)
    storage.tpc_vote(meta)
    with pytest.raises(POSKeyError):
        storage.loadBlob(A, p64(1 << 60))
    storage.tpc_finish(meta)
    assert content(storage, p64(1 << 60), A) == b"one"


@pytest.mark.parametrize("vote", [False, True])
def test_an_abort_leaves_nothing_and_what_was_there_before(storage, begin, file, put_blob, vote):
    first = put_blob(storage, b"one")
    before = files(storage)
    meta = begin(storage)
    storage.storeBlob(A, first, b"changed", file(b"two"), "", meta)
    storage.storeBlob(B, z64, b"new", file(b"three"), "", meta)
    if vote:
        storage.tpc_vote(meta)
    storage.tpc_abort(meta)
    assert storage.load(A) == (b"record", first)
    assert content(storage, first, A) == b"one"
    assert files(storage) == before


def test_of_two_contents_for_one_blob_the_last_counts(storage, begin, file):
    meta = begin(storage)
    storage.storeBlob(A, z64, b"first", file(b"one"), "", meta)
    storage.storeBlob(A, z64, b"second", file(b"two"), "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert storage.load(A) == (b"second", tid)
    assert content(storage, tid, A) == b"two"
    assert len(files(storage)) == 1


def test_a_plain_record_in_the_place_of_a_blob_has_no_content(storage, begin, file):
    meta = begin(storage)
    storage.storeBlob(A, z64, b"blob", file(b"one"), "", meta)
    storage.store(A, z64, b"plain", "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    with pytest.raises(POSKeyError):
        storage.loadBlob(A, tid)
    assert files(storage) == []


def test_a_conflict_leaves_the_file_to_the_caller(storage, begin, file, put_blob):
    first = put_blob(storage, b"one")
    put_blob(storage, b"two")
    path, meta = file(b"three"), begin(storage)
    with pytest.raises(ConflictError):
        storage.storeBlob(A, first, b"record", path, "", meta)
    storage.tpc_abort(meta)
    assert Path(path).read_bytes() == b"three"


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_without_a_file_there_is_no_record(storage, begin, file, tmp_path, kind, earlier):
    (tmp_path / "folder").mkdir()
    meta = begin(storage)
    if earlier:
        storage.storeBlob(A, z64, b"earlier", file(b"one"), "", meta)
    with pytest.raises(OSError, match="no such file"):
        storage.storeBlob(A, z64, b"record", str(tmp_path / kind), "", meta)
    storage.tpc_vote(meta)
    tid = storage.tpc_finish(meta)
    assert (tmp_path / "folder").is_dir()
    if earlier:
        assert storage.load(A) == (b"earlier", tid)
        assert content(storage, tid, A) == b"one"
    else:
        with pytest.raises(POSKeyError):
            storage.load(A)


def test_a_copy_that_fails_leaves_the_file_and_nothing_else(storage, begin, file, monkeypatch):
    path = file(b"one")
    link = Path(path).with_name("link")
    link.symlink_to(path)
    meta = begin(storage)

    def fail(source, target):
        Path(target).write_bytes(b"on")
        raise OSError(errno.ENOSPC, "the disk is full")

    monkeypatch.setattr(shutil, "copyfile", fail)
    with pytest.raises(OSError, match="the disk is full"):
        storage.storeBlob(A, z64, b"record", str(link), "", meta)
    storage.tpc_abort(meta)
    assert link.is_symlink()
    assert files(storage) == []


@pytest.mark.parametrize("state", ["idle", "begun by another", "voted"])
def test_out_of_order_it_is_refused(storage, begin, file, state):
    path, meta = file(b"one"), object()
    if state != "idle":
        meta = begin(storage)
    if state == "voted":
        storage.tpc_vote(meta)
    else:
        meta = object()
    with pytest.raises(StorageTransactionError):
        storage.storeBlob(A, z64, b"record", path, "", meta)
    assert Path(path).exists()


def test_an_abort_while_a_content_is_copied_leaves_nothing(storage, begin, file, monkeypatch):
    path, meta = file(b"one"), begin(storage)
    correct = storage._folder.take

    def take(source, name):
        aborting = threading.Thread(target=storage.tpc_abort, args=[meta])
        aborting.start()
        aborting.join()
        correct(source, name)

    monkeypatch.setattr(storage._folder, "take", take)
    with pytest.raises(StorageTransactionError):
        storage.storeBlob(A, z64, b"record", path, "", meta)
    assert files(storage) == []


def test_versions_have_no_blobs(make_storage, begin, file):
    storage = make_storage(versions=True)
    path, meta = file(b"one"), begin(storage)
    with pytest.raises(Unsupported):
        storage.storeBlob(A, z64, b"record", path, "v", meta)
    assert Path(path).exists()


def test_a_blob_comes_back_from_a_version(make_storage, put_blob, put, end):
    storage = make_storage(versions=True)
    put_blob(storage, b"one")
    put(storage, A, b"in a version", "v")
    tid, _ = end(storage, "v")
    assert content(storage, tid, A) == b"one"


# Undo and pack


def test_undo_brings_the_content_back(storage, put_blob, undo):
    made = [put_blob(storage, b"one"), put_blob(storage, b"two")]
    undo(storage, 0)
    assert content(storage, storage.lastTransaction(), A) == b"one"
    undo(storage, 0)
    assert content(storage, storage.lastTransaction(), A) == b"two"
    assert [content(storage, tid, A) for tid in made] == [b"one", b"two"]
    assert len(files(storage)) == 2


def test_undo_of_an_earlier_change_is_refused(storage, put_blob, undo):
    made = [put_blob(storage, content) for content in (b"one", b"two", b"three")]
    with pytest.raises(UndoError):
        undo(storage, 1)
    assert storage.load(A)[1] == made[-1]
    assert content(storage, made[-1], A) == b"three"


def test_undo_of_the_creation_leaves_no_content(storage, put_blob, undo):
    first = put_blob(storage, b"one")
    undo(storage, 0)
    with pytest.raises(POSKeyError):
        storage.loadBlob(A, storage.lastTransaction())
    assert content(storage, first, A) == b"one"
    undo(storage, 0)
    assert content(storage, storage.lastTransaction(), A) == b"one"


def test_the_content_goes_with_the_revision(storage, put_blob):
    made = [put_blob(storage, b"%d" % number) for number in range(3)]
    storage.pack(FUTURE, nothing, gc=False)
    for tid in made[:2]:
        with pytest.raises(POSKeyError):
            storage.loadBlob(A, tid)
    assert content(storage, made[2], A) == b"2"
    assert len(files(storage)) == 1


def test_the_content_goes_with_garbage(storage, put_blob, commit):
    commit(storage, {ROOT: b""})
    tid = put_blob(storage, b"one")
    storage.pack(FUTURE, nothing)
    with pytest.raises(POSKeyError):
        storage.loadBlob(A, tid)
    assert files(storage) == []


def test_a_content_stays_as_long_as_a_revision_has_it(storage, put_blob, undo):
    put_blob(storage, b"one")
    put_blob(storage, b"two")
    undo(storage, 0)
    storage.pack(FUTURE, nothing, gc=False)
    assert content(storage, storage.lastTransaction(), A) == b"one"
    assert len(files(storage)) == 1


def test_an_open_file_outlives_the_pack(storage, put_blob):
    first = put_blob(storage, b"one")
    put_blob(storage, b"two")
    with storage.openCommittedBlobFile(A, first) as opened:
        storage.pack(FUTURE, nothing, gc=False)
        assert opened.read() == b"one"


def test_a_pack_that_fails_removes_no_content(storage, put_blob, monkeypatch):
    def fail(upto, doomed):
        raise StorageError("the disk is full")

    made = [put_blob(storage, b"one"), put_blob(storage, b"two")]
    monkeypatch.setattr(storage._history, "forget", fail)
    with pytest.raises(StorageError):
        storage.pack(FUTURE, nothing, gc=False)
    assert [content(storage, tid, A) for tid in made] == [b"one", b"two"]


# Copies


def test_a_restored_blob_has_its_content(storage, begin, file):
    path = file(b"one")
    meta = begin(storage, tid=p64(1 << 60))
    storage.restoreBlob(A, p64(1 << 60), b"record", path, None, meta)
    storage.tpc_vote(meta)
    assert content(storage, storage.tpc_finish(meta), A) == b"one"
    assert not Path(path).exists()


def test_where_no_content_can_be_taken_nothing_is_restored(storage, begin, tmp_path):
    meta = begin(storage, tid=p64(1 << 60))
    with pytest.raises(OSError, match="no such file"):
        storage.restoreBlob(A, p64(1 << 60), b"record", str(tmp_path / "missing"), None, meta)
    storage.tpc_vote(meta)
    storage.tpc_finish(meta)
    with pytest.raises(POSKeyError):
        storage.load(A)


def test_a_copy_has_the_contents(storage, put_blob, undo, commit):
    commit(storage, {ROOT: b"plain"})
    for value in (b"one", b"two"):
        put_blob(storage, value, data=RECORD)
    undo(storage, 0)
    copy = MemoryStorage()
    copy.copyTransactionsFrom(storage)
    made = [each.tid for each in copy.iterator()][1:]
    assert [content(copy, tid, A) for tid in made] == [b"one", b"two", b"one"]
    assert [content(storage, tid, A) for tid in made] == [b"one", b"two", b"one"]
    assert list(Path(copy.temporaryDirectory()).iterdir()) == []
    copy.close()


def test_what_has_lost_its_content_is_copied_without(storage, commit):
    commit(storage, {A: RECORD})
    copy = MemoryStorage()
    copy.copyTransactionsFrom(storage)
    assert copy.load(A) == storage.load(A)
    copy.close()
