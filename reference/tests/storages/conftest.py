"""What the tests of the storages share."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import zodb_reference
from zodb_reference import errors
from zodb_reference.metadata import TransactionMetaData
from zodb_reference.oids import p64, z64
from zodb_reference.storages import MemoryStorage, SQLiteStorage


@pytest.fixture
def open_sqlite(tmp_path: Path) -> Iterator[Callable[..., SQLiteStorage]]:
    """Return what opens `test.sqlite`, or another path; all that it opened is closed in the end."""
    opened = []

    def open_storage(path: object = tmp_path / "test.sqlite", **options: Any) -> SQLiteStorage:
        opened.append(SQLiteStorage(path, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_storage
    for storage in opened:
        storage.close()


@pytest.fixture(params=["memory", "sqlite"])
def make_storage(
    request: pytest.FixtureRequest, open_sqlite: Callable[..., SQLiteStorage]
) -> Callable[..., Any]:
    """Return what makes an empty storage, of each kind in turn."""
    return MemoryStorage if request.param == "memory" else open_sqlite


@pytest.fixture
def storage(make_storage: Callable[..., Any]) -> Any:
    """Return an empty storage, of each kind in turn."""
    return make_storage()


@pytest.fixture
def begin() -> Callable[..., TransactionMetaData]:
    """Return what begins a transaction and returns its meta data."""

    def begin_transaction(storage: Any, *, tid: bytes | None = None, **notes: Any) -> Any:
        meta = TransactionMetaData(**notes)
        storage.tpc_begin(meta, tid)
        return meta

    return begin_transaction


@pytest.fixture
def commit(begin: Callable[..., Any]) -> Callable[..., bytes]:
    """Return what commits a mapping of oids to data, on top of what is current."""

    def commit_records(storage: Any, records: dict[bytes, bytes], **notes: Any) -> bytes:
        meta = begin(storage, **notes)
        for oid, data in records.items():
            try:
                serial = storage.getTid(oid)
            except errors.POSKeyError:
                serial = z64
            storage.store(oid, serial, data, "", meta)
        storage.tpc_vote(meta)
        tid: bytes = storage.tpc_finish(meta)
        return tid

    return commit_records


@pytest.fixture
def undo(begin: Callable[..., Any]) -> Callable[..., set[bytes]]:
    """Return what undoes transactions, in one transaction, and returns the oids of its records.

    They are given by their places in the undo log: 0 is the last transaction.
    """

    def undo_transactions(storage: Any, *places: int) -> set[bytes]:
        log = storage.undoLog(0, 1 + max(places))
        meta = begin(storage, description="undo")
        undone = set()
        try:
            for place in places:
                undone.update(storage.undo(log[place]["id"], meta)[1])
            undone.update(storage.tpc_vote(meta))
            storage.tpc_finish(meta)
        finally:
            storage.tpc_abort(meta)
        return undone

    return undo_transactions


@pytest.fixture
def put(begin: Callable[..., Any]) -> Callable[..., bytes]:
    """Return what stores one object in a version, on top of what is current."""

    def store_one(
        storage: Any, oid: bytes, data: bytes, version: str = "", serial: bytes | None = None
    ) -> bytes:
        meta = begin(storage)
        try:
            newest = storage._history.newest(oid)
            current = newest.tid if newest else z64
            storage.store(oid, serial or current, data, version, meta)
            storage.tpc_vote(meta)
            tid: bytes = storage.tpc_finish(meta)
            return tid
        finally:
            storage.tpc_abort(meta)

    return store_one


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], str]:
    """Return what makes a file with a content, and returns its path."""
    numbers = count()

    def make(content: bytes) -> str:
        path = tmp_path / f"content-{next(numbers)}"
        path.write_bytes(content)
        return str(path)

    return make


@pytest.fixture
def put_blob(begin: Callable[..., Any], file: Callable[[bytes], str]) -> Callable[..., bytes]:
    """Return what commits a blob with a content, on top of what is current."""

    def store(storage: Any, content: bytes, oid: bytes = p64(1), data: bytes = b"record") -> bytes:
        meta = begin(storage)
        try:
            newest = storage._history.newest(oid)
            storage.storeBlob(oid, newest and newest.tid, data, file(content), "", meta)
            storage.tpc_vote(meta)
            tid: bytes = storage.tpc_finish(meta)
            return tid
        finally:
            storage.tpc_abort(meta)

    return store


@pytest.fixture
def end(begin: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """Return what commits versions (given as pairs) or aborts them (given as names), in order.

    It returns the tid, and the oids that each told.
    """

    def end_versions(storage: Any, *what: str | tuple[str, str]) -> tuple[Any, ...]:
        meta = begin(storage)
        told = []
        try:
            for one in what:
                if isinstance(one, str):
                    tid, oids = storage.abortVersion(one, meta)
                else:
                    tid, oids = storage.commitVersion(*one, meta)
                told.append(sorted(oids))
            storage.tpc_vote(meta)
            assert storage.tpc_finish(meta) == tid
            return tid, *told
        finally:
            storage.tpc_abort(meta)

    return end_versions


@pytest.fixture
def shown() -> Callable[..., list[bytes | None]]:
    """Return what tells the data that the trunk shows of an object, and those of versions.

    None stands for nothing.
    """

    def data_shown(storage: Any, oid: bytes, *versions: str) -> list[bytes | None]:
        found: list[bytes | None] = []
        for version in ("", *versions):
            try:
                found.append(storage.load(oid, version)[0])
            except errors.POSKeyError:
                found.append(None)
        return found

    return data_shown


@pytest.fixture
def start_child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return what starts a script of the folder `children`, with text pipes to it."""
    started = []
    package = Path(zodb_reference.__file__).parent.parent
    environment = os.environ | {"PYTHONPATH": str(package)}

    def start(name: str, *arguments: object, **variables: str) -> subprocess.Popen[str]:
        started.append(
            subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).parent / "children" / f"{name}.py"),
                    *map(str, arguments),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=environment | variables,
                start_new_session=True,
            )
        )
        return started[-1]

    yield start
    for child in started:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)  # with the children that it may have
        child.communicate()


@pytest.fixture
def run_child(start_child: Callable[..., subprocess.Popen[str]]) -> Callable[..., str]:
    """Return what runs a script of the folder `children`, and returns what it printed."""

    def run(name: str, *arguments: object, **variables: str) -> str:
        child = start_child(name, *arguments, **variables)
        output, _ = child.communicate(timeout=60)
        assert child.returncode == 0, output
        return output

    return run
