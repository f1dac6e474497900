"""The folder in which a storage keeps the contents of blobs.

Each content is a file of its own, under a name that is never used again. What names it are the
records: a file that none of them names is nobody's, and a file is there before a record that names
it can be seen, and until after the last one is gone. So the records alone decide what there is,
and what a crash has left behind can be told. It is removed by the next pack, and not before: where
somebody has opened an old copy of the storage beside the folder, nothing is lost by that alone.
"""

import contextlib
import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

from zodb_reference.blobfiles import move


def blob_name(oid: bytes, tid: bytes, number: int) -> str:
    """Return the name of a content that the transaction `tid` stores for an object.

    The number tells it from others that are stored for the same object under the same tid, by this
    transaction, or by an earlier one that was aborted.
    """
    return f"{oid.hex()}-{tid.hex()}-{number}"


class BlobFolder:
    """The folder `path`, which is made when it is needed, and goes when nothing is in it.

    A `read_only` one is left as it is.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only

    def path_of(self, name: str) -> Path:
        """Return the path of a content."""
        return self._root() / name[14:16] / name  # the last byte of the oid

    def temporary(self) -> str:
        """Return the path of a folder on the same disk, for contents that nobody has stored yet."""
        if self._read_only:
            return tempfile.gettempdir()
        folder = self._root() / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def take(self, file: str | os.PathLike[str], name: str) -> None:
        """Take over a file as the content `name`; where this raises, it is not touched.

        Nobody should write to it any more. Who may read the folder may read it.
        """
        path = self.path_of(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        move(Path(file), path)
        path.chmod(stat.S_IMODE(path.parent.stat().st_mode) & 0o444)

    def secure(self, names: Iterable[str]) -> None:
        """Wait until these contents are on the disk."""
        places = {self.path_of(name) for name in names}
        folders = {path.parent for path in places}
        for path in [*places, *folders, *([self._root(), self._root().parent] if places else [])]:
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def remove(self, names: Iterable[str]) -> None:
        """Remove contents; one that stays, since the disk fails, is nobody's and does no harm."""
        for name in names:
            with contextlib.suppress(OSError):
                self.path_of(name).unlink()

    def clean_temporary(self) -> None:
        """Remove contents that nobody has stored: what was left behind by a crash."""
        if not self._read_only:
            shutil.rmtree(self._root() / "tmp", ignore_errors=True)

    def names(self) -> set[str]:
        """Return the names of all contents that are there, whoever they belong to."""
        folders = [folder for folder in self._folders() if folder.name != "tmp"]
        return {path.name for folder in folders for path in folder.iterdir()}

    def close(self) -> None:
        """Remove the folders in which there is nothing."""
        if not self._read_only:
            for path in [*self._folders(), self._root()]:
                with contextlib.suppress(OSError):
                    path.rmdir()

    def _root(self) -> Path:
        assert self._path is not None
        return self._path

    def _folders(self) -> list[Path]:
        """Return the folders that there are by now."""
        if self._path is None or not self._path.is_dir():
            return []
        return [path for path in self._path.iterdir() if path.is_dir()]


class TemporaryBlobFolder(BlobFolder):
    """A folder that is made where temporary files are, and goes with the storage."""

    def __init__(self) -> None:
        super().__init__(None)
        self._finalizer: weakref.finalize[..., TemporaryBlobFolder] | None = None

    def secure(self, names: Iterable[str]) -> None:
        """Do nothing: they need not outlive the process."""

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        if self._finalizer is not None:
            self._finalizer()

    def _root(self) -> Path:
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="blobs-"))
            self._finalizer = weakref.finalize(self, _remove_folder, self._path, os.getpid())
        return self._path


def _remove_folder(path: Path, process: int) -> None:
    if os.getpid() == process:  # and not a process that was forked since
        shutil.rmtree(path, ignore_errors=True)
