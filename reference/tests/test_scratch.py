import errno
import io
import os
import tempfile
import tracemalloc
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
import transaction
from sample_objects import Item
from zodb_reference.errors import StorageError
from zodb_reference.oids import p64, z64
from zodb_reference.scratch import Scratch

ONE, TWO, THREE = p64(1), p64(2), p64(3)


@pytest.fixture(params=[0, 1 << 20], ids=["on-disk", "in-memory"])
def scratch(request, monkeypatch):
    monkeypatch.setattr(Scratch, "max_memory", request.param)
    scratch = Scratch()
    yield scratch
    scratch.close()


def contents(scratch):
    """The records by oid; each is found in both ways."""
    found = {oid: (record, serial) for oid, serial, record in scratch.records(but=())}
    assert found == {oid: scratch.load(oid) for oid in scratch.oids()}
    return {oid: record for oid, (record, _) in found.items()}


def test_the_last_record_of_an_object_counts(scratch):
    scratch.store(ONE, z64, b"first")
    scratch.store(TWO, ONE, b"")
    scratch.store(ONE, z64, b"second")
    assert scratch.load(ONE) == (b"second", z64)
    assert scratch.load(TWO) == (b"", ONE)
    assert scratch.load(THREE) is None
    assert list(scratch.records(but={ONE})) == [(TWO, ONE, b"")]


def test_going_back_forgets_what_came_later_and_nothing_else(scratch):
    scratch.store(ONE, z64, b"first")
    scratch.store(TWO, z64, b"first")
    early = scratch.length
    scratch.store(ONE, z64, b"second")
    scratch.store(THREE, z64, b"first")
    late = scratch.length
    for _ in range(2):
        scratch.store(ONE, z64, b"third")
        scratch.store(ONE, z64, b"fourth")
        scratch.store(TWO, z64, b"second")
        scratch.go_back(late)
        assert contents(scratch) == {ONE: b"second", TWO: b"first", THREE: b"first"}
    for _ in range(2):
        scratch.go_back(early)
        assert scratch._file.seek(0, os.SEEK_END) == early
        assert contents(scratch) == {ONE: b"first", TWO: b"first"}
        scratch.store(THREE, z64, b"fifth")
    scratch.go_back(0)
    assert contents(scratch) == {}


def test_a_closed_one_has_nothing_and_can_be_closed_again(scratch):
    scratch.store(ONE, z64, b"first")
    scratch.close()
    scratch.close()
    assert (scratch.length, scratch.oids(), scratch.load(ONE)) == (0, [], None)
    scratch.go_back(0)


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("end", ["commit", "abort", "begin", "close", "fail"])
def test_no_file_is_left_open_when_the_transaction_has_ended(
    db, connection, manager, item, monkeypatch, end
):
    monkeypatch.setattr(Scratch, "max_memory", 0)
    before = open_files()
    item.x = 2
    manager.savepoint()
    assert open_files() == before + 1
    if end == "fail":
        item.x = lambda: None
        with pytest.raises((AttributeError, TypeError)):
            manager.savepoint()
    elif end == "close":
        db.close()
    else:
        getattr(manager, end)()
    assert open_files() == before


class Disk(io.RawIOBase):
    """A file as the operating system gives it, on a disk with a little room, read by pieces."""

    def __init__(self, room, piece):
        self.data = io.BytesIO()
        self.room, self.piece = room, piece

    readable = writable = seekable = lambda self: True

    def seek(self, position, whence=os.SEEK_SET):
        return self.data.seek(position, whence)

    def truncate(self, size=None):
        return self.data.truncate(size)

    def readinto(self, target):
        found = self.data.read(min(len(target), self.piece))
        target[: len(found)] = found
        return len(found)

    def write(self, data):
        if self.data.tell() >= self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.data.write(data[: min(self.room - self.data.tell(), self.piece)])

    def temporary_file(self, buffering=-1):
        return io.BufferedRandom(self) if buffering else self


@pytest.fixture
def disk(monkeypatch):
    """Let the temporary file be on a disk with this room."""

    def insert(room, piece=1 << 16):
        monkeypatch.setattr(Scratch, "max_memory", 0)
        monkeypatch.setattr("tempfile.TemporaryFile", Disk(room, piece).temporary_file)

    return insert


def test_records_that_the_system_takes_and_gives_by_pieces_are_whole(disk):
    disk(room=1000, piece=7)
    scratch = Scratch()
    scratch.store(ONE, z64, b"first" * 10)
    scratch.store(TWO, ONE, b"second" * 10)
    assert contents(scratch) == {ONE: b"first" * 10, TWO: b"second" * 10}


@pytest.mark.parametrize("room", [0, 40])
@pytest.mark.parametrize("size", [1, 100_000])
def test_a_full_disk_fails_the_savepoint_and_abort_gives_everything_back(
    connection, manager, item, disk, room, size
):
    disk(room)
    item.x = "x" * size
    item.new = new = Item()
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        manager.savepoint()
    manager.abort()
    assert item.x == 1
    assert (new._p_jar, new._p_oid) == (None, None)
    item.new = new
    manager.commit()


def test_a_full_disk_fails_the_move_to_it_and_closes_the_file(monkeypatch, disk):
    disk(room=60)
    monkeypatch.setattr(Scratch, "max_memory", 50)
    scratch = Scratch()
    scratch.store(ONE, z64, b"first" * 10)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        scratch.store(TWO, z64, b"second")
    assert tempfile.TemporaryFile.__self__.closed
    assert contents(scratch) == {ONE: b"first" * 10}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning")
def test_a_forked_process_can_forget_what_is_kept_and_do_no_harm(scratch):
    records = {p64(number): b"%d" % number * 99 for number in range(99)}
    for oid, record in records.items():
        scratch.store(oid, z64, record)
    is_shared = Scratch.max_memory == 0
    child = os.fork()
    if child == 0:
        status = 1
        with suppress(BaseException):
            for use in (lambda: scratch.load(ONE), lambda: scratch.store(ONE, z64, b"child")):
                with pytest.raises(StorageError, match="forked") if is_shared else nullcontext():
                    use()
            scratch.go_back(0)
            scratch.store(ONE, z64, b"child")
            assert contents(scratch) == {ONE: b"child"}
            status = 0
        os._exit(status)
    assert os.waitpid(child, 0) == (child, 0)
    assert contents(scratch) == records


def test_what_savepoints_keep_is_bounded_by_the_disk_and_not_by_memory(db):
    """64 MiB are changed in steps of one, and read again; neither needs 8 MiB of memory."""
    connection = db.open(transaction.TransactionManager())
    connection.root.many = many = [Item() for _ in range(1024)]
    connection.transaction_manager.commit()
    tracemalloc.start()
    try:
        for number, item in enumerate(many):
            item.x = number.to_bytes(2) * (1 << 15)
            if number % 16 == 15:
                connection.transaction_manager.savepoint()
                connection.cacheMinimize()
        for number, item in enumerate(many):
            assert item.x[:2] == number.to_bytes(2)
            item._p_deactivate()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    connection.transaction_manager.abort()
    assert peak < 8 << 20
