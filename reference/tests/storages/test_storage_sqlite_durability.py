"""What is left of an SQLiteStorage after a crash of its process, or of the whole machine."""

import os
import random
import shutil
import signal
import struct
import subprocess
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from zodb_reference.errors import StorageError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage, sqlite_file

# A process that is killed


def test_commits_that_returned_survive_kill_9(tmp_path, open_sqlite, start_child):
    """Killed at random, again and again: each commit is there as a whole, or not at all."""
    path = tmp_path / "test.sqlite"
    dice = random.Random(9)
    returned = -1
    for _ in range(8):
        child = start_child("stream", path)
        assert child.stdout.readline() == "open\n"
        try:
            child.wait(dice.uniform(0, 0.25))
        except subprocess.TimeoutExpired:
            child.kill()
        lines = child.stdout.read().splitlines()
        assert child.wait() == -signal.SIGKILL
        returned = max([returned, *map(int, lines)])

        storage = open_sqlite(path)
        kept = list(storage.iterator())
        assert len(kept) - 1 in (returned, returned + 1)
        for number, transaction in enumerate(kept):
            records = list(transaction)
            assert transaction.description == b"%d" % number
            assert [record.oid for record in records] == [p64(n) for n in range(1 + number % 7)]
            assert all(record.data.startswith(b"%d " % number) for record in records)
        if kept:
            assert storage.load(z64)[1] == storage.lastTransaction() == kept[-1].tid
        storage.close()
        returned = len(kept) - 1
    assert returned > 20


@pytest.mark.parametrize(
    ("step", "expected"), [("begun", b"0"), ("voted", b"0"), ("callback", b"1"), ("finished", b"1")]
)
def test_a_crash_before_finish_leaves_nothing_and_after_it_everything(
    tmp_path, open_sqlite, start_child, commit, step, expected
):
    child = start_child("crash", tmp_path / "test.sqlite", step)
    assert child.wait(30) == -signal.SIGKILL
    storage = open_sqlite()
    data, tid = storage.load(p64(1))
    assert data == expected
    assert storage.lastTransaction() == tid
    assert len(list(storage.iterator())) == int(expected) + 1
    commit(storage, {p64(1): b"next"})
    storage.close()
    assert open_sqlite().load(p64(1))[0] == b"next"


@pytest.mark.parametrize("reached_the_disk", [False, True])
def test_what_became_of_a_finish_that_failed_is_known_after_reopening(
    open_sqlite, begin, commit, monkeypatch, reached_the_disk
):
    @contextmanager
    def fail():
        if reached_the_disk:
            with change() as connection:
                yield connection
        else:
            yield storage._file.connection
            storage._file.connection.execute("ROLLBACK")
        raise StorageError("the disk went away")

    storage = open_sqlite()
    first = commit(storage, {p64(1): b"a"})
    meta = begin(storage)
    storage.store(p64(1), first, b"b", "", meta)
    storage.tpc_vote(meta)
    change = storage._file.change
    if not reached_the_disk:
        storage._file.connection.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(storage._file, "change", fail)
    with pytest.raises(StorageError, match="went away"):
        storage.tpc_finish(meta)
    assert storage.load(p64(1)) == (b"a", first)
    with pytest.raises(StorageError, match="open the storage again"):
        begin(storage)
    storage.close()

    storage = open_sqlite()
    assert storage.load(p64(1))[0] == (b"b" if reached_the_disk else b"a")
    commit(storage, {p64(1): b"c"})


def packed_content(path):
    """Return the numbers of the transactions that are left in a storage, and what can be undone."""
    storage = SQLiteStorage(path)
    try:
        kept = [
            (records[0].data[0] - ord("0"), len(records))
            for records in map(list, storage.iterator())
        ]
        assert storage.load(z64) == (b"5" * 9000, storage.lastTransaction())
        return kept, len(storage.undoLog())
    finally:
        storage.close()


UNPACKED = [(number, 2) for number in range(6)], 6
PACKED = [(5, 1)], 0


@pytest.mark.parametrize(
    ("step", "expected"),
    [("marking", UNPACKED), ("removing", UNPACKED), ("removed", PACKED), ("packed", PACKED)],
)
def test_a_crash_leaves_a_storage_packed_or_as_it_was(tmp_path, start_child, step, expected):
    assert start_child("pack", tmp_path, step).wait(30) == -signal.SIGKILL
    assert packed_content(tmp_path / "test.sqlite") == expected
    with closing(SQLiteStorage(tmp_path / "test.sqlite")) as storage:
        storage.pack(1 << 34, lambda record: [])
    assert packed_content(tmp_path / "test.sqlite") == PACKED


# A machine that loses what was not synced


@dataclass
class File:
    """A file: what the disk holds of it for sure, and the changes since."""

    safe: bytes = b""
    changes: list[tuple[str, int, bytes]] = field(default_factory=list)

    def content(self, keep):
        """Return the content with those of the changes that `keep` picks."""
        content = bytearray(self.safe)
        for kind, place, data in filter(keep, self.changes):
            if len(content) < place:
                content.extend(bytes(place - len(content)))
            if kind == "write":
                content[place : place + len(data)] = data
            elif kind == "truncate":
                del content[place:]
        return bytes(content)

    def sync(self):
        self.safe = self.content(lambda change: True)
        self.changes.clear()


class Disk:
    """A folder of a disk, to which one recorded operation after the other is done."""

    def __init__(self, folder):
        self._folder = folder
        self._names = {}
        self._safe_names = {}
        self._changes = []
        self._open = {}

    def do(self, operation, descriptor, place, payload, made):
        """Do an operation; return what it marks, or None."""
        file = self._open.get(descriptor)
        name = payload.removeprefix(os.fsencode(self._folder) + b"/")
        match operation:
            case "open" if payload == os.fsencode(self._folder):
                self._open[descriptor] = self
            case "open":
                if made:
                    self._change_names(name, File())
                self._open[descriptor] = self._names[name]
            case "close":
                del self._open[descriptor]
            case "sync":
                file.sync()
            case "unlink":
                self._change_names(name, None)
            case "rename":
                old, _, new = name.partition(b"\0")
                self._change_names(new.removeprefix(os.fsencode(self._folder) + b"/"), old)
            case "write" if file is self._names.get(b"marks"):
                return payload.decode()
            case _:
                file.changes.append((operation, place, payload))
        return None

    def _change_names(self, name, what):
        self._changes.append((name, what))
        self._names = self._renamed(self._names, [(name, what)])

    @staticmethod
    def _renamed(names, changes):
        names = dict(names)
        for name, what in changes:
            if isinstance(what, bytes):  # the old name
                if what in names:
                    names[name] = names.pop(what)
            elif what is None:
                names.pop(name, None)
            else:
                names[name] = what
        return names

    def sync(self):
        """Sync the folder: its names are safe, the content of its files is not."""
        self._safe_names = self._names
        self._changes.clear()

    def write_image(self, folder, keep):
        """Write what a power failure now would leave, if of all that isn't safe `keep` picks."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, file in self._renamed(self._safe_names, filter(keep, self._changes)).items():
            (folder / os.fsdecode(name)).write_bytes(file.content(keep))


def read_record(path):
    """Yield the operations in the file that recorder.c wrote."""
    names = "open", "close", "write", "truncate", "sync", "unlink", "rename", "extend"
    record = path.read_bytes()
    place = 0
    while place < len(record):
        operation, descriptor, offset, size, made = struct.unpack_from("5q", record, place)
        place += struct.calcsize("5q") + size
        yield names[operation], descriptor, offset, record[place - size : place], made


@pytest.fixture
def record_child(tmp_path, run_child):
    """Return what runs a script, and returns the folder it worked in and its operations."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler, to record what a process does to its files")
    library = tmp_path / "recorder.so"
    source = Path(__file__).with_name("recorder.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    folder = tmp_path / "recorded"
    folder.mkdir()

    def run(name, *arguments, **variables):
        run_child(
            name,
            folder,
            *arguments,
            LD_PRELOAD=str(library),
            RECORD_FOLDER=str(folder),
            RECORD_FILE=str(tmp_path / "record"),
            **variables,
        )
        return folder, list(read_record(tmp_path / "record"))

    return run


def kept_commits(path):
    """Return the numbers of the commits in the storage at `path`, which must be whole."""
    storage = SQLiteStorage(path)
    try:
        numbers = []
        for transaction in storage.iterator():
            numbers.append(int(transaction.description))
            records = {record.oid: record.data for record in transaction}
            data = b"%d" % numbers[-1]
            assert records == {p64(1): data, p64(100 + numbers[-1]): data * 3000}
        if numbers:
            assert storage.load(p64(1)) == (b"%d" % numbers[-1], storage.lastTransaction())
        meta = TransactionMetaData()  # and work can go on
        storage.tpc_begin(meta)
        storage.store(storage.new_oid(), z64, b"more", "", meta)
        storage.tpc_vote(meta)
        storage.tpc_finish(meta)
        return numbers
    finally:
        storage.close()


def losses(folder, operations, scratch, monkeypatch):
    """Return the marks after which a power failure would lose a commit, or show too much."""
    monkeypatch.setattr(sqlite_file, "SYNCHRONOUS", "OFF")  # of the examiner only
    dice = random.Random(68)
    some = {0: lambda change: False, 1: lambda change: dice.random() < 0.5}
    disk = Disk(folder)
    found, last, returned, voted = [], "", 0, False
    for operation in operations:
        mark = disk.do(*operation)
        if mark:
            last = mark
            voted = mark.startswith("voted")
            returned += mark.startswith("kept")
        elif dice.random() < 0.9:
            continue
        allowed = [returned] if mark or not voted else [returned, returned + 1]
        for keep in some.values():
            disk.write_image(scratch, keep)
            try:
                numbers = kept_commits(scratch / "test.sqlite")
            except (OSError, StorageError) as error:
                found.append((last, error))
            else:
                if numbers not in [list(range(count)) for count in allowed]:
                    found.append((last, numbers))
    assert last == "closed"
    assert returned == 18
    return found


def test_commits_that_returned_survive_the_loss_of_all_that_was_not_synced(
    record_child, tmp_path, monkeypatch
):
    folder, operations = record_child("marked")
    assert losses(folder, operations, tmp_path / "image", monkeypatch) == []


def test_the_loss_of_commits_that_were_not_synced_is_noticed(record_child, tmp_path, monkeypatch):
    """Without syncs the test above fails: it does not pass for want of attention."""
    folder, operations = record_child("marked", SYNCHRONOUS="OFF")
    lost = {mark for mark, _ in losses(folder, operations, tmp_path / "image", monkeypatch)}
    assert len([mark for mark in lost if mark.startswith("kept")]) > 10


def test_packing_that_returned_survives_the_loss_of_all_that_was_not_synced(
    record_child, tmp_path, monkeypatch
):
    folder, operations = record_child("pack", "none")
    monkeypatch.setattr(sqlite_file, "SYNCHRONOUS", "OFF")  # of the examiner only
    dice = random.Random(67)
    disk = Disk(folder)
    last, found = "", {"filled": [], "packed": [], "closed": []}
    for operation in operations:
        last = disk.do(*operation) or last
        for keep in (lambda change: False, lambda change: dice.random() < 0.5):
            if last:
                disk.write_image(tmp_path / "image", keep)
                found[last].append(packed_content(tmp_path / "image" / "test.sqlite"))
    assert all(content in (UNPACKED, PACKED) for content in found["filled"])
    assert found["filled"][0] == UNPACKED
    assert set(map(str, found["packed"] + found["closed"])) == {str(PACKED)}
