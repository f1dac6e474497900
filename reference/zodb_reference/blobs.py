"""Blobs: persistent objects whose content is a file, for what is too large for a record.

A blob has no state but its content. Where that has not changed since it was loaded, it is a file of
the storage, or of the last savepoint; a change is made to a copy, the *draft*, which belongs to the
blob until the transaction ends, and is gone then. To be stored it is given away under another name.

Records of blobs name the class of the ecosystem's first implementation, whose blobs they are as
well: see `ALIAS`.
"""

import os
import tempfile
import weakref
from pathlib import Path
from typing import IO, Any

from persistent import Persistent
from zope.interface import implementer

from zodb_reference.blobfiles import BlobFile, duplicate, is_shared, move, new_file, spare
from zodb_reference.errors import BlobError
from zodb_reference.interfaces import IBlob

#: Module and name of the class that records have for `Blob`.
ALIAS = "ZODB.blob", "Blob"

_MODES = ("r", "w", "r+", "a", "c")


@implementer(IBlob)
class Blob(Persistent):
    """A blob, empty or with the content `data`; it can't be subclassed.

    It is opened either by any number of readers or by one writer. It stays loaded as long as it is
    open, and all its files are closed when it is invalidated.
    """

    # Attributes of such names are no part of the state, do not mark the object as changed, and are
    # gone when it becomes a ghost.
    _p_draft: Path | None = None
    _p_drafted: Any = None  # removes the draft
    _p_readers: Any = ()
    _p_writers: Any = ()

    def __init__(self, data: bytes | None = None) -> None:
        if type(self) is not Blob:
            raise TypeError("blobs can't be subclassed: let an object of your own have a blob")
        if data is not None:
            with self.open("w") as file:
                file.write(data)

    def open(self, mode: str = "r") -> IO[bytes]:
        """Return the content as a file, always a binary one.

        With `r` it is read, with `r+` and `a` changed or continued, with `w` begun anew; the file
        belongs to the transaction. With `c` it is an ordinary file with what was committed, which
        can be read when the transaction is over, and the connection closed.

        Raises `ValueError` for another mode, and `BlobError` where the blob is open and can't be
        opened like this besides; with `c`, where it has changes that are not committed.
        """
        if mode not in _MODES:
            raise ValueError(f"{mode!r} is no mode of a blob: choose one of {', '.join(_MODES)}")
        self._p_activate()
        if mode == "c":
            self._require_committed()
            return self._jar().open_blob(self._p_oid, self._p_serial)  # type: ignore[no-any-return]
        self._require_closed(self._p_writers, "writing")
        if mode == "r":
            file = self._read()
            self._p_readers = self._p_readers or weakref.WeakSet()
            self._p_readers.add(file)
            return file
        self._require_closed(self._p_readers, "reading")
        self._p_changed = True  # first: where this is refused, nothing has changed
        self._prepare_draft(keep=mode != "w")
        assert self._p_draft is not None
        file = BlobFile(self._p_draft, mode, self)
        self._p_writers = weakref.WeakSet([file])
        return file

    def committed(self) -> str:
        """Return the path of a file with what was committed, for reading alone.

        It is there until the revision is packed. Raises `BlobError` where the blob has changes that
        are not committed.
        """
        self._p_activate()
        self._require_committed()
        path: str = self._jar().blob_path(self._p_oid, self._p_serial)
        return path

    def consumeFile(self, filename: str | os.PathLike[str]) -> None:
        """Take over a file, which must not be open, as the new content.

        It is moved, or copied and removed. Where this raises, it is where it was, and the content
        as well. Raises `BlobError` where the blob is open, and `OSError` where the file can't be
        taken.
        """
        self._p_activate()
        self._require_closed(self._p_writers, "writing")
        self._require_closed(self._p_readers, "reading")
        self._p_changed = True
        target = new_file(self._drafts_folder())
        try:
            move(Path(filename), target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        self._own(target)

    def opened(self) -> bool:
        """Tell whether it is open, for reading or for writing."""
        return bool(self._p_readers or self._p_writers)

    def closed(self, file: BlobFile) -> None:
        """Learn that a file of this blob was closed."""
        for files in (self._p_readers, self._p_writers):
            if files:
                files.discard(file)

    # For persistence

    def __getstate__(self) -> None:
        """Return None: there is no state; a connection that knows of no contents would lose it."""
        jar = self._p_jar
        if jar is not None and not hasattr(jar, "saved_blob"):
            raise TypeError(
                f"{jar!r} can't store blobs of {__name__}: make one of the class of its own package"
            )

    def __setstate__(self, state: object) -> None:
        """Take any state: there is none."""

    def _p_deactivate(self) -> None:
        if not self.opened():
            super()._p_deactivate()

    def _p_invalidate(self) -> None:
        if self._p_changed is not None:  # a ghost has no files, and must not be loaded to see that
            for file in (*self._p_readers, *self._p_writers):
                file.close()
            self.drop_draft()
        super()._p_invalidate()

    # For the connection

    def is_drafted(self) -> bool:
        """Tell whether there is a content to be stored."""
        if self._p_draft is None and self._is_new() and self._saved() is None:
            self._prepare_draft(keep=False)
        return self._p_draft is not None

    def give_away(self, folder: str) -> Path:
        """Return a file in `folder` with the changed content, which belongs to the caller."""
        assert self._p_draft is not None
        return spare(self._p_draft, folder)

    def drop_draft(self) -> None:
        """Forget the changed content, which somebody else has, or nobody wants."""
        if self._p_drafted is not None:
            self._p_drafted()
        self._p_draft = self._p_drafted = None

    def keep_saved(self) -> None:
        """Have for itself what a savepoint has kept, since that is about to be forgotten."""
        saved = self._saved()
        if self._p_draft is None and saved is not None:
            self._own(spare(saved, self._drafts_folder()))

    # What these consist of

    def _read(self) -> BlobFile:
        path = self._p_draft or self._saved()
        if path is None and not self._is_new():
            file: BlobFile = self._jar().open_blob(self._p_oid, self._p_serial, self)
            return file
        if path is None:
            self._prepare_draft(keep=False)
            path = self._p_draft
        assert path is not None
        return BlobFile(path, "r", self)

    def _prepare_draft(self, *, keep: bool) -> None:
        """Have a draft that nobody else can see: with the content so far, or an empty one."""
        if self._p_draft is not None and not is_shared(self._p_draft):
            self._p_draft.chmod(0o600)  # a storage may have had it, and given it up
            return
        target = new_file(self._drafts_folder())
        try:
            if keep:
                source = self._p_draft or self._saved()
                if source is None and not self._is_new():
                    source = Path(self._jar().blob_path(self._p_oid, self._p_serial))
                if source is not None:
                    duplicate(source, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
        self._own(target)

    def _own(self, draft: Path) -> None:
        """Have this file as the draft, as long as the blob lives at most."""
        self.drop_draft()
        self._p_drafted = weakref.finalize(self, _remove, draft, os.getpid())
        self._p_draft = draft

    def _drafts_folder(self) -> str:
        jar = self._p_jar
        return tempfile.gettempdir() if jar is None else str(self._jar().temporary_directory())

    def _saved(self) -> Path | None:
        """Return the file of the last savepoint of the transaction, if that has one."""
        return None if self._p_jar is None else self._jar().saved_blob(self._p_oid)

    def _is_new(self) -> bool:
        return self._p_jar is None or not self._p_serial.strip(b"\0")

    def _jar(self) -> Any:
        """Return the connection."""
        return self._p_jar

    def _require_committed(self) -> None:
        if self._p_draft is not None or self._is_new() or self._saved() is not None:
            raise BlobError("the content has changes that are not committed: commit them first")

    @staticmethod
    def _require_closed(files: Any, purpose: str) -> None:
        if files:
            raise BlobError(f"the blob is open for {purpose}: close it there first")


def _remove(path: Path, process: int) -> None:
    if os.getpid() == process:  # and not a process that was forked since
        path.unlink(missing_ok=True)
