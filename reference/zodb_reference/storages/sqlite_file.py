"""Finding, making, locking, checking and closing the file of an `SQLiteStorage`."""

import errno
import logging
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

from zodb_reference.storages import sqlite_format
from zodb_reference.storages.filelock import FileIsLockedError, FileLock
from zodb_reference.storages.sqlite_log import has_lost_transactions

logger = logging.getLogger(__name__)

#: How far SQLite goes to have a commit on the disk before it returns: it waits for the disk.
SYNCHRONOUS = "FULL"
#: Bytes that are kept free at the end of the log from the vote on. To finish a transaction takes
#: one frame of a page and its header; SQLite may have to fill up a sector of the disk besides.
RESERVE = 4 * (sqlite_format.PAGE_SIZE + 24)
#: Bytes from which on the log is emptied into the file, before the next vote.
LONG_LOG = 4 << 20


class SQLiteFile:
    """An open database: a connection to SQLite that nobody else can interfere with.

    Every method raises `StorageError` of `errors`, with a message that says what to mend.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        lock: FileLock | None,
        *,
        read_only: bool,
        errors: ModuleType,
    ) -> None:
        self.path = path
        self.connection = connection
        self._log = beside(path, "-wal")
        self._lock = lock
        self._read_only = read_only
        self._errors = errors

    def head(self) -> tuple[bytes, bytes]:
        """Return the tid of the last finished transaction, and the greatest oid up to then."""
        with explained(self.path, self._errors):
            return _head(self.path, self.connection, self._errors)

    def rows(self, query: str, *parameters: object) -> list[Any]:
        """Return all rows that answer `query`."""
        with explained(self.path, self._errors):
            return self.connection.execute(query, parameters).fetchall()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """Change the database in the block: all of it is on the disk at the end, or nothing."""
        with explained(self.path, self._errors):
            self._roll_back()  # only after an interrupt is there anything
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def reserve(self) -> None:
        """Make sure that the next change finds room on the disk, if it is of one page only.

        SQLite appends the change to its log behind the last one, and writes over what is there. So
        it is enough that the log is longer than what it was written for.
        """
        try:
            descriptor = os.open(self._log, os.O_WRONLY)
            try:
                extend(descriptor, RESERVE)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._errors.StorageError(
                f"{self.path}: can't take the room on the disk that is needed to finish the "
                f"transaction ({error}): free some, and leave {self._log.name} where it is"
            ) from error

    def shorten_log(self) -> None:
        """Move the log into the file if it has become long.

        If that is impossible now, the log goes on to grow, and holds all that it ever held.
        """
        try:
            if self._log.stat().st_size >= LONG_LOG:
                self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except (OSError, sqlite3.Error) as error:
            logger.warning("%s: can't shorten the log now: %s", self.path, error)

    def complain(self, problem: str) -> Exception:
        """Return the error for a file that is not what it was when it was written."""
        return damaged(self.path, problem, self._errors)

    def close(self) -> None:
        """Close the connection, leave one file, release the lock."""
        try:
            if not self._read_only:
                self.connection.execute("PRAGMA journal_mode = DELETE").fetchall()
        except sqlite3.Error as error:
            logger.warning(
                "%s: can't be closed into one file (%s): %s belongs to it until it is opened again",
                self.path,
                error,
                self._log,
            )
        finally:
            self.connection.close()
            if self._lock is not None:
                self._lock.release()

    def leave_to_parent(self) -> None:
        """Never touch the file again, in a child process that was forked while it was open.

        Even to close the connection would write into the file, and remove the log in which the
        parent still writes. So the connection is kept from ever being closed.
        """
        import ctypes  # noqa: PLC0415 - hardly ever needed

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.connection))
        if self._lock is not None:
            self._lock.forget()


def open_file(
    path: Path, *, read_only: bool, create: bool, versions: bool, errors: ModuleType
) -> SQLiteFile:
    """Open the storage at `path`, an absolute one without links; see `SQLiteStorage`."""
    require_place(path, read_only=read_only, create=create, errors=errors)
    lock = _lock(path, shared=read_only, errors=errors)
    try:
        if not path.exists():
            _make(path, errors)
        require_ours(path, errors)
        connect = _connect_to_read if read_only else _connect
        connection = connect(path, errors, versions=versions)
        sqlite_format.pretend(connection)
    except BaseException:
        if lock is not None:
            lock.release()
        raise
    return SQLiteFile(path, connection, lock, read_only=read_only, errors=errors)


def require_place(path: Path, *, read_only: bool, create: bool, errors: ModuleType) -> None:
    """Raise `OSError` or `StorageError` unless a storage can be, or be made, at `path`."""
    if not path.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "there is no such folder: make it first", str(path.parent)
        )
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "this is a folder: name a file in it", str(path))
    if not path.exists():
        if read_only or not create:
            raise FileNotFoundError(
                errno.ENOENT, "there is no such storage: open it for writing to make it", str(path)
            )
    elif not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "a storage is a regular file, this is not", str(path))
    elif path.stat().st_size == 0:
        raise errors.StorageError(
            f"{path} is empty, as a storage never is: restore it from a backup, or remove it to "
            "begin a new one"
        )
    elif not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, "the file may not be read", str(path))
    elif not read_only and not os.access(path, os.W_OK):
        raise PermissionError(
            errno.EACCES,
            "the file may not be written: change its permissions, or open it read-only",
            str(path),
        )
    if not read_only and not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(
            errno.EACCES,
            "the folder may not be written, where an open storage needs files beside its own: "
            "change its permissions, or open the storage read-only",
            str(path.parent),
        )


def _lock(path: Path, *, shared: bool, errors: ModuleType) -> FileLock | None:
    try:
        return FileLock(beside(path, "-lock"), shared=shared)
    except FileIsLockedError as error:
        raise _in_use(path, errors) from error
    except OSError:
        if shared:
            # Nothing can be written in the folder. SQLite's own lock has to do.
            return None
        raise


def _in_use(path: Path, errors: ModuleType) -> Exception:
    error: Exception = errors.StorageError(
        f"{path} is open already, in another process or in this one: close it there first"
    )
    return error


def _make(path: Path, errors: ModuleType) -> None:
    """Make an empty storage, under another name until it is complete and on the disk."""
    unfinished = beside(path, "-new")
    unfinished.unlink(missing_ok=True)
    try:
        with explained(path, errors):
            with closing(_open_connection(unfinished, "mode=rwc")) as connection:
                # Nobody knows of the file yet: it is enough to have it on the disk in the end.
                connection.execute("PRAGMA synchronous = OFF")
                connection.execute("PRAGMA journal_mode = MEMORY").fetchall()
                sqlite_format.make_tables(connection)
            with unfinished.open("rb") as file:
                os.fsync(file.fileno())
            # SQLite syncs the folder as soon as it makes its own files in it.
            unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def require_ours(path: Path, errors: ModuleType) -> None:
    """Raise `StorageError` unless the file says that it is a storage of a known version.

    It is not locked for that, nor changed in any way: perhaps it belongs to another program.
    """
    try:
        with closing(_open_connection(path, "mode=ro&immutable=1")) as connection:
            _recognize(path, connection, errors)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # A crash may have left the file half written, which is mended from its log.
        if not beside(path, "-wal").exists():
            raise _not_ours(path, str(error), errors) from error


def _recognize(path: Path, connection: sqlite3.Connection, errors: ModuleType) -> None:
    ((application_id,),) = connection.execute("PRAGMA application_id").fetchall()
    version = sqlite_format.format_of(connection)
    if path.stat().st_size < sqlite_format.PAGE_SIZE:
        raise _not_ours(path, "it is too short", errors)
    if application_id != sqlite_format.APPLICATION_ID:
        raise errors.StorageError(
            f"{path} is an SQLite database of another program: name another file"
        )
    if version not in sqlite_format.FORMATS:
        known = ", ".join(map(str, sqlite_format.FORMATS))
        raise errors.StorageError(
            f"{path} has the format {version}, and here the formats {known} are known: use the "
            "version of the program that wrote it, or a later one"
        )


def _not_ours(path: Path, reason: str, errors: ModuleType) -> Exception:
    error: Exception = errors.StorageError(
        f"{path} is no storage, or its beginning is damaged ({reason}): name another file, or "
        "restore this one from a backup"
    )
    return error


def _connect(path: Path, errors: ModuleType, *, versions: bool) -> sqlite3.Connection:
    """Return a connection that keeps everybody else out, and writes to a log first."""
    log = beside(path, "-wal")
    if log.exists() and has_lost_transactions(log):
        raise damaged(path, f"the log of its last use, {log.name}, is, before its end", errors)
    with explained(path, errors):
        connection = _open_connection(path, "mode=rw")
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            _verify(path, connection, errors)
            if not versions:
                _require_no_versions(path, connection, errors)
            ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
            if mode != "wal":
                raise errors.StorageError(f"{path}: SQLite can't keep a log here, only a {mode}")
            connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
        except BaseException:
            connection.close()
            raise
        return connection


def _connect_to_read(path: Path, errors: ModuleType, *, versions: bool) -> sqlite3.Connection:
    """Return a connection that keeps writers out, and others that read in."""
    unfinished = errors.StorageError(
        f"{path} was not closed by its last program: open it once for writing, which brings it in "
        "order"
    )
    if any(beside(path, suffix).exists() for suffix in ("-wal", "-journal")):
        raise unfinished
    with explained(path, errors):
        connection = _open_connection(path, "mode=ro")
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
            if mode == "wal":
                raise unfinished
            _verify(path, connection, errors)
            if not versions:
                _require_no_versions(path, connection, errors)
        except BaseException:
            connection.close()
            raise
        return connection


def _verify(path: Path, connection: sqlite3.Connection, errors: ModuleType) -> None:
    """Raise `StorageError` if this is no storage after all, or if its structure is damaged.

    This reads the whole file, at some seconds a gigabyte. Less is not enough: only the full check
    compares indexes with tables, and a damaged index would show an old revision as the current.
    """
    _recognize(path, connection, errors)
    ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
    ((page_size,),) = connection.execute("PRAGMA page_size").fetchall()
    # Until a log has been moved into the file, its end may be in the log.
    if path.stat().st_size < pages * page_size and not beside(path, "-wal").exists():
        raise damaged(path, "its end is missing", errors)
    connection.execute("PRAGMA cell_size_check = ON")
    problems = connection.execute("PRAGMA integrity_check(1)").fetchall()
    if problems != [("ok",)]:
        raise damaged(path, str(problems[0][0]), errors)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as model:
        sqlite_format.make_tables(model, sqlite_format.format_of(connection))
        if sqlite_format.definitions(connection) != sqlite_format.definitions(model):
            raise damaged(path, "its tables are not those of a storage", errors)
    if connection.execute("PRAGMA foreign_key_check").fetchone():
        raise damaged(path, "there are records without their transaction", errors)
    _head(path, connection, errors)


def _require_no_versions(path: Path, connection: sqlite3.Connection, errors: ModuleType) -> None:
    if sqlite_format.format_of(connection) == sqlite_format.FIRST:
        return
    names = sorted({version for _, version in connection.execute(sqlite_format.HELD)})
    if names:
        raise errors.StorageError(
            f"{path}: versions hold objects ({', '.join(map(repr, names))}): open it with "
            "versions=True, and commit or abort them, before it is used without versions"
        )


def _head(path: Path, connection: sqlite3.Connection, errors: ModuleType) -> tuple[bytes, bytes]:
    rows = connection.execute("SELECT tid, oid, digest FROM head").fetchall()
    if len(rows) != 1 or not sqlite_format.is_intact(*rows[0]):
        raise damaged(path, "it doesn't tell its last transaction", errors)
    ((tid, oid, _),) = rows
    return tid, oid


def damaged(path: Path, problem: str, errors: ModuleType) -> Exception:
    """Return the error for a file that is not what it was when it was written."""
    error: Exception = errors.StorageError(
        f"{path} is damaged ({problem}): restore it from a backup"
    )
    return error


@contextmanager
def explained(path: Path, errors: ModuleType) -> Iterator[None]:
    """Raise what SQLite complains of in the block as `StorageError`, and say what to mend."""
    try:
        yield
    except OverflowError as error:
        raise errors.StorageError(f"{path}: SQLite takes no records that large") from error
    except UnicodeDecodeError as error:
        # Python's module fails to decode what SQLite says, where it names something damaged.
        raise damaged(path, str(error.object), errors) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise damaged(path, str(error), errors) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _in_use(path, errors) from error
        advice = {
            sqlite3.SQLITE_FULL: ": free some space on the disk and try again",
            sqlite3.SQLITE_IOERR: ": the disk is full, or fails",
            sqlite3.SQLITE_CANTOPEN: ": SQLite takes no path longer than about 500 bytes",
        }.get(code, "")
        raise errors.StorageError(f"{path}: {error}{advice}") from error


def extend(descriptor: int, size: int) -> None:
    """Make the file longer by `size` bytes for which the disk has room."""
    end = os.fstat(descriptor).st_size
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, end, size)
    else:
        os.pwrite(descriptor, bytes(size), end)


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to `path`."""
    return path.with_name(path.name + suffix)


def _open_connection(path: Path, how: str) -> sqlite3.Connection:
    # No cursor of Python's begins or ends transactions, and the storage's lock guards it.
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?{how}",
        uri=True,
        timeout=0,
        isolation_level=None,
        check_same_thread=False,
    )
