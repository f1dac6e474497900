"""The file of an SQLiteStorage: what is made, who may open it, what is refused, what is left."""

import gc
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from zodb_reference.errors import ReadOnlyError, StorageError
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import SQLiteStorage, filelock, sqlite_file, sqlite_format

A = p64(1)


@pytest.fixture
def path(tmp_path, open_sqlite, commit):
    """Return the path of a closed storage with one transaction."""
    storage = open_sqlite()
    commit(storage, {A: b"a"})
    storage.close()
    return tmp_path / "test.sqlite"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_refused(path, error, message, **options):
    """Assert that `path` can't be opened, for this reason, and that nothing changes."""
    before = {file: file.read_bytes() for file in path.parent.glob("*") if file.is_file()}
    with pytest.raises(error, match=message):
        SQLiteStorage(path, **options)
    after = {file: file.read_bytes() for file in path.parent.glob("*") if file.is_file()}
    assert after == before


# What is there


def test_a_closed_storage_is_one_file(path):
    assert names(path.parent) == ["test.sqlite"]


def test_everything_is_there_after_reopening(path, open_sqlite, commit):
    storage = open_sqlite(path)
    first = storage.lastTransaction()
    assert storage.load(A) == (b"a", first)
    second = commit(storage, {A: b"b"}, user="me", description="why", extension={"x": 1})
    key = storage.sortKey()
    storage.close()

    storage = open_sqlite(path, read_only=True)
    assert storage.lastTransaction() == second
    assert storage.loadSerial(A, first) == b"a"
    assert storage.load(A) == (b"b", second)
    entry, _ = storage.history(A, 2)
    assert (entry["user_name"], entry["description"], entry["x"]) == (b"me", b"why", 1)
    assert storage.sortKey() == key


def test_oids_and_tids_go_on_increasing_after_reopening(path, open_sqlite, commit, monkeypatch):
    storage = open_sqlite(path)
    oid = storage.new_oid()
    assert oid > A
    commit(storage, {oid: b"b"})
    last = commit(storage, {A: b"b"})
    storage.close()
    monkeypatch.setattr("time.time", lambda: 0)
    storage = open_sqlite(path)
    assert storage.new_oid() > oid
    assert commit(storage, {oid: b"c"}) > last


def test_a_record_too_large_for_sqlite_is_refused_and_work_goes_on(path, open_sqlite, commit):
    storage = open_sqlite(path)
    last = storage.lastTransaction()
    storage._file.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 10_000)
    with pytest.raises(StorageError, match="too big"):
        commit(storage, {A: bytes(10_000)})
    storage.tpc_abort(storage.tpc_transaction())
    assert storage.load(A) == (b"a", last)
    tid = commit(storage, {A: bytes(5_000)})
    assert storage.load(A) == (bytes(5_000), tid)


def test_a_log_that_somebody_removes_is_noticed_in_the_vote(path, open_sqlite, begin, commit):
    storage = open_sqlite(path)
    commit(storage, {A: b"b"})
    path.with_name("test.sqlite-wal").unlink()
    with pytest.raises(StorageError, match=r"leave test\.sqlite-wal where it is"):
        commit(storage, {A: b"c"})


def test_a_long_log_is_emptied_into_the_file(path, open_sqlite, commit):
    storage = open_sqlite(path)
    log = path.with_name("test.sqlite-wal")
    longest = 0
    for _ in range(12):
        commit(storage, {A: os.urandom(1 << 20)})
        longest = max(longest, log.stat().st_size)
    assert longest < 3 * sqlite_file.LONG_LOG
    assert path.stat().st_size > 4 << 20


def test_a_log_that_can_not_be_emptied_goes_on_to_grow(
    path, open_sqlite, commit, monkeypatch, caplog
):
    monkeypatch.setattr(sqlite_file, "LONG_LOG", 0)
    storage = open_sqlite(path)
    commit(storage, {A: b"b"})
    storage._file.connection.execute("BEGIN IMMEDIATE")
    storage._file.shorten_log()
    storage._file.connection.execute("ROLLBACK")
    assert "can't shorten the log now" in caplog.text
    tid = commit(storage, {A: b"c"})
    assert storage.load(A) == (b"c", tid)


@pytest.mark.parametrize(
    "name",
    [
        "a b.sqlite",
        "percent%20?mode=memory#x&y=z",
        "näme-雪.db",
        "quote'\";--",
        ":memory:",
        "new\nline",
        os.fsdecode(b"no-utf8-\xff"),
    ],
)
def test_odd_names_are_names(tmp_path, open_sqlite, commit, name):
    storage = open_sqlite(tmp_path / name)
    commit(storage, {A: b"a"})
    storage.close()
    assert names(tmp_path) == [name]
    assert open_sqlite(str(tmp_path / name), create=False).load(A)[0] == b"a"


def test_relative_paths_and_links_lead_to_the_same_storage(path, open_sqlite, monkeypatch):
    monkeypatch.chdir(path.parent)
    path.with_name("link").symlink_to(path)
    storage = open_sqlite("test.sqlite")
    key = storage.sortKey()
    assert_refused(path.with_name("link"), StorageError, "open already")
    storage.close()
    assert open_sqlite("link").sortKey() == key


def test_a_name_too_long_for_sqlite_is_refused(tmp_path):
    folder = tmp_path.joinpath(*["f" * 100] * 5)
    folder.mkdir(parents=True)
    assert_refused(folder / "test.sqlite", StorageError, "no path longer")


# Who may open it


@pytest.mark.parametrize("mode", ["write", "read"])
def test_what_is_open_for_writing_is_refused_to_all_others(path, open_sqlite, start_child, mode):
    child = start_child("hold", path, "write")
    assert child.stdout.readline() == "open\n"
    assert_refused(path, StorageError, "open already", read_only=mode == "read")
    child.communicate()
    storage = open_sqlite(path)
    assert_refused(path, StorageError, "open already", read_only=mode == "read")
    assert storage.load(A)[0] == b"a"


def test_reading_the_file_elsewhere_in_the_process_does_not_unlock_it(
    path, open_sqlite, start_child
):
    open_sqlite(path)
    path.read_bytes()  # which takes SQLite's own lock away
    child = start_child("hold", path, "write")
    assert child.stdout.readline() == ""
    assert child.wait(10) == 1


def test_another_sqlite_program_is_kept_out_and_keeps_out(path, open_sqlite):
    storage = open_sqlite(path)
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("SELECT * FROM head")
        storage.close()
        other.execute("BEGIN EXCLUSIVE")
        for read_only in (False, True):
            assert_refused(path, StorageError, "open already", read_only=read_only)


def test_many_may_read_and_then_nobody_may_write(path, open_sqlite, start_child):
    child = start_child("hold", path, "read")
    assert child.stdout.readline() == "open\n"
    first, second = (open_sqlite(path, read_only=True) for _ in range(2))
    assert first.load(A) == second.load(A)
    first.close()
    assert_refused(path, StorageError, "open already")
    second.close()
    assert_refused(path, StorageError, "open already")
    child.communicate()
    open_sqlite(path)


def test_a_read_only_storage_refuses_every_change(path, open_sqlite):
    storage = open_sqlite(path, read_only=True)
    meta = TransactionMetaData()
    assert storage.isReadOnly()
    for call in (
        storage.new_oid,
        lambda: storage.tpc_begin(meta),
        lambda: storage.store(A, z64, b"a", "", meta),
    ):
        with pytest.raises(ReadOnlyError):
            call()
    storage.tpc_abort(meta)
    storage.close()
    assert names(path.parent) == ["test.sqlite"]


def test_what_a_killed_process_left_is_opened_for_writing_first(path, open_sqlite, start_child):
    child = start_child("hold", path, "write")
    assert child.stdout.readline() == "open\n"
    child.kill()
    child.wait()
    path.with_name("test.sqlite-wal").touch()
    with pytest.raises(StorageError, match="open it once for writing"):
        open_sqlite(path, read_only=True)
    open_sqlite(path).close()
    assert names(path.parent) == ["test.sqlite"]
    assert open_sqlite(path, read_only=True).load(A)[0] == b"a"


def test_a_lock_that_its_last_holder_removes_meanwhile_is_made_anew(tmp_path, monkeypatch):
    def lock(file, *, shared):
        if path.exists():
            attempts.append(path.unlink())
            monkeypatch.undo()
        really_lock(file, shared=shared)

    path, attempts, really_lock = tmp_path / "lock", [], filelock._lock
    monkeypatch.setattr(filelock, "_lock", lock)
    held = filelock.FileLock(path, shared=False)
    assert len(attempts) == 1
    with pytest.raises(filelock.FileIsLockedError):
        filelock.FileLock(path, shared=True)
    held.release()
    assert names(tmp_path) == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # which is due, but not the matter here
def test_a_storage_that_nobody_holds_any_more_can_be_opened(path, open_sqlite):
    storage = SQLiteStorage(path)
    del storage
    gc.collect()
    assert open_sqlite(path).load(A)[0] == b"a"


def test_a_forked_child_can_neither_use_nor_harm_the_storage(tmp_path, open_sqlite, start_child):
    path = tmp_path / "forked.sqlite"
    child = start_child("fork", path)
    assert "the process was forked" in child.stdout.readline()
    assert child.stdout.readline() == "child ended with 0\n"
    assert child.stdout.readline() == "committed\n"
    assert_refused(path, StorageError, "open already")
    child.kill()
    child.wait()
    storage = open_sqlite(path)
    assert [[record.data for record in one] for one in storage.iterator()] == [
        [b"before"],
        [b"after"],
    ]


# What is refused


def test_a_missing_folder_is_refused(tmp_path):
    assert_refused(
        tmp_path / "missing" / "test.sqlite", FileNotFoundError, "make it first.*missing"
    )


def test_a_file_in_place_of_the_folder_is_refused(path):
    with pytest.raises(OSError, match="make it first"):
        SQLiteStorage(path / "test.sqlite")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    assert_refused(tmp_path, IsADirectoryError, "name a file in it")


def test_a_pipe_in_place_of_the_file_is_refused_and_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="regular file"):
        SQLiteStorage(tmp_path / "pipe")


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
def test_a_missing_file_is_refused_where_none_may_be_made(tmp_path, options):
    assert_refused(tmp_path / "test.sqlite", FileNotFoundError, "to make it", **options)
    assert names(tmp_path) == []


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "test.sqlite").touch()
    assert_refused(tmp_path / "test.sqlite", StorageError, "is empty")


@pytest.mark.parametrize("content", [b"x", b"no database at all" * 1000, bytes(8192)])
def test_a_file_that_is_no_database_is_refused(tmp_path, content):
    (tmp_path / "test.sqlite").write_bytes(content)
    assert_refused(tmp_path / "test.sqlite", StorageError, "is no storage|another program")


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path, mode):
    path = tmp_path / "test.sqlite"
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    other.execute("CREATE TABLE head (tid)")
    other.commit()
    assert_refused(path, StorageError, "of another program")
    other.execute("INSERT INTO head VALUES (1)")
    other.commit()
    other.close()
    assert_refused(path, StorageError, "of another program")
    assert_refused(path, StorageError, "of another program", read_only=True)


@pytest.mark.parametrize("version", [0, max(sqlite_format.FORMATS) + 1])
def test_an_unknown_format_is_refused(path, version):
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {version}")
    other.close()
    assert_refused(
        path, StorageError, f"has the format {version}, and here the formats 1, 2, 3 are known"
    )


@pytest.fixture
def public_path(path):
    """Return the path of a storage in a folder that every user can reach."""
    if os.getuid():
        pytest.skip("only root can become another user, for whom permissions count")
    with tempfile.TemporaryDirectory() as folder:
        yield path.rename(Path(folder) / path.name)


def test_a_file_that_may_not_be_written_is_refused_but_can_be_read(public_path, run_child):
    public_path.parent.chmod(0o777)
    public_path.chmod(0o444)
    assert "the file may not be written" in run_child("refuse", public_path, "write")
    assert run_child("refuse", public_path, "read").startswith("opened at")
    public_path.chmod(0)
    assert "the file may not be read" in run_child("refuse", public_path, "read")
    assert names(public_path.parent) == ["test.sqlite"]


def test_a_folder_that_may_not_be_written_is_refused_but_can_be_read(public_path, run_child):
    public_path.parent.chmod(0o555)
    public_path.chmod(0o666)
    assert "the folder may not be written" in run_child("refuse", public_path, "write")
    assert run_child("refuse", public_path, "read").startswith("opened at")
    missing = public_path.with_name("missing.sqlite")
    assert "the folder may not be written" in run_child("refuse", missing, "write")
    assert names(public_path.parent) == ["test.sqlite"]


def test_a_storage_that_can_not_be_made_leaves_nothing(tmp_path, monkeypatch):
    def fail(connection):
        connection.execute("PRAGMA max_page_count = 2").fetchall()
        make_tables(connection)

    make_tables = sqlite_format.make_tables
    monkeypatch.setattr(sqlite_format, "make_tables", fail)
    (tmp_path / "test.sqlite-new").write_text("left behind by a killed process")
    with pytest.raises(StorageError, match="free some space"):
        SQLiteStorage(tmp_path / "test.sqlite")
    assert names(tmp_path) == []


def test_a_storage_that_can_not_be_closed_into_one_file_keeps_its_log(
    path, open_sqlite, commit, monkeypatch, caplog
):
    storage = open_sqlite(path)
    commit(storage, {A: b"b"})
    storage._file.connection.execute("BEGIN")
    storage.close()
    assert "belongs to it until it is opened again" in caplog.text
    assert open_sqlite(path).load(A)[0] == b"b"
