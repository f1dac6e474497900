"""A storage in a single file, on SQLite."""

import os
import threading
import weakref
from pathlib import Path
from types import ModuleType

from zodb_reference import errors as default_errors
from zodb_reference.storages.blobfolder import BlobFolder
from zodb_reference.storages.blobs import BlobStorage
from zodb_reference.storages.deletion import DeletableStorage
from zodb_reference.storages.packing import PackableStorage
from zodb_reference.storages.restoring import RestorableStorage
from zodb_reference.storages.sqlite_file import beside, open_file
from zodb_reference.storages.sqlite_history import SQLiteHistory
from zodb_reference.storages.undoing import UndoableStorage
from zodb_reference.storages.versioning import VersionedStorage


class SQLiteStorage(
    BlobStorage,
    UndoableStorage,
    VersionedStorage,
    PackableStorage,
    DeletableStorage,
    RestorableStorage,
):
    """A storage in the file at `path`, made if it is missing unless `create` is false.

    Every revision is kept until it is packed, and what `tpc_finish` returned for is on the disk.
    While the storage is open, files named after it with `-wal`, `-journal` and `-lock` belong to
    it: do not copy, move or remove any of them alone. After `close` it is one file; the contents of
    blobs, as soon as there are any, are in a folder beside it, named after it with `-blobs`.

    It can be open for writing only once, in one process, or any number of times with `read_only`,
    which neither changes nor needs to change anything, so that the file and its folder may be
    read-only. After a crash it has to be opened for writing first. A process that is forked while
    it is open can't use it.

    Opening reads the whole file, to find it undamaged, which takes some seconds a gigabyte. Raises
    `OSError` where the path is none of a storage that may be opened, with the usual subclasses;
    `StorageError` where the file is open elsewhere, is not a storage, has another format, or is
    damaged. Each says what to mend, and leaves a file that had been closed as it was. Damage that
    only shows when a record is read raises `StorageError` there.

    The vote writes a transaction, and waits until the disk has it; to finish it takes one more
    page, for which the vote has taken room at the end of the log. So a disk without room, or that
    fails, is met in the vote, with `StorageError`: nothing changes, and the next transaction may
    have more luck. What remains is a disk that fails between the two, or a file system that needs
    new room to write over old data (it copies on write, is a network's, or promises more than it
    has) and has none. `tpc_finish` then raises `StorageError`, the storage takes no more changes,
    and goes on to show what was there before; opening it anew decides by what the disk holds, and
    tells it by `lastTransaction`.

    Packing removes all at once, and waits until that is on the disk: after a crash the storage is
    packed, or is as it was. The room is used again for what is committed later; the file does not
    become smaller.

    With `versions` it has versions, as storages had in 2006. Without, it can't be opened as long as
    versions hold objects in it: `StorageError` tells to open it with `versions`, and to commit or
    abort them.

    A new file is understood by releases that knew neither undo, nor versions, packing, deletion or
    blobs, until one of these has been used: they refuse it from then on.

    Without `resolves` every conflict stays one, whatever the classes of the objects could do.

    `errors` is the module whose exceptions are raised: `ZODB.POSException` where the storage stands
    under ZODB's DB. Needs a POSIX system.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        create: bool = True,
        versions: bool = False,
        resolves: bool = True,
        errors: ModuleType = default_errors,
    ) -> None:
        place = Path(path).resolve()
        self._file = open_file(
            place, read_only=read_only, create=create, versions=versions, errors=errors
        )
        try:
            history = SQLiteHistory(self._file)
            blobs = BlobFolder(beside(place, "-blobs"), read_only=read_only)
            blobs.clean_temporary()
        except BaseException:
            self._file.close()
            raise
        super().__init__(
            history,
            str(path),
            str(place),
            read_only=read_only,
            versions=versions,
            resolves=resolves,
            errors=errors,
            blobs=blobs,
        )
        _open_storages.add(self)

    def close(self) -> None:
        """See `TwoPhaseStorage`."""
        super().close()
        _open_storages.discard(self)

    def leave_to_parent(self) -> None:
        """Refuse all use, in a child process that was forked while the storage was open."""
        # Perhaps another thread, which is not there any more, held the old ones.
        self._lock = threading.RLock()
        self._turn = threading.Condition(self._lock)
        self._closed_because = "the process was forked since: open it where it is needed"
        self._file.leave_to_parent()


_open_storages: weakref.WeakSet[SQLiteStorage] = weakref.WeakSet()


def _leave_all_to_parent() -> None:
    for storage in list(_open_storages):
        storage.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_to_parent)
