"""A lock on a file: any number of readers, or one writer, in whatever process.

SQLite locks its files too, but with locks that a process loses as soon as it opens and closes the
file a second time, as a program does that copies or hashes its database. The locks made here belong
to a file of their own, which nobody else opens.
"""

import os
from io import FileIO
from pathlib import Path


class FileIsLockedError(Exception):
    """Somebody else holds the lock."""


class FileLock:
    """The lock named `path`, held from the beginning until `release`.

    The file is made where it is missing, and removed by the last who releases it; one that a killed
    process left behind is no hindrance. Raises `FileIsLockedError`, or `OSError` where the file
    can't be made.
    """

    def __init__(self, path: Path, *, shared: bool) -> None:
        self._path = path
        while True:
            file = FileIO(path, "a")
            try:
                _lock(file, shared=shared)
                if _is_still_at(file, path):
                    self._file = file
                    return
            except BaseException:
                file.close()
                raise
            file.close()

    def release(self) -> None:
        """Give the lock up."""
        try:
            # Only who is alone may remove the file: others would go on to hold a lock on a file
            # that nobody finds.
            _lock(self._file, shared=False)
            self._path.unlink(missing_ok=True)
        except FileIsLockedError:
            pass
        finally:
            self._file.close()

    def forget(self) -> None:
        """Leave the lock to the process that this one was forked from."""
        self._file.close()


def _lock(file: FileIO, *, shared: bool) -> None:
    # Imported late: there is no such module on Windows, where the rest of the package works.
    import fcntl  # noqa: PLC0415

    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FileIsLockedError from error


def _is_still_at(file: FileIO, path: Path) -> bool:
    """Tell whether `file` was not removed, by its last holder, between opening and locking."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
