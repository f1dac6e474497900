import errno
import io
import os
import tracemalloc
from pathlib import Path

import pytest
import transaction
from sample_objects import Item
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


class FullDisk(io.BytesIO):
    """A file that refuses what is written, and once more to write it when it is closed."""

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self):
        super().close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_fails_the_savepoint_and_abort_gives_everything_back(
    connection, manager, item, monkeypatch
):
    monkeypatch.setattr(Scratch, "max_memory", 0)
    monkeypatch.setattr("tempfile.TemporaryFile", FullDisk)
    item.x = "x" * 100_000
    item.new = new = Item()
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        manager.savepoint()
    manager.abort()
    assert item.x == 1
    assert (new._p_jar, new._p_oid) == (None, None)


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
