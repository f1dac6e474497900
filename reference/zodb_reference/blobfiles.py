"""Files that hold the contents of blobs: how they change hands, and how programs read them."""

import errno
import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any


class BlobFile(io.FileIO):
    """A file of a blob, opened for a program.

    `blob` is told when it is closed, by `blob.closed(file)`, since a blob has either readers or one
    writer. `mode` is one of r, w, r+ and a.
    """

    def __init__(self, name: str | os.PathLike[str], mode: str, blob: Any) -> None:
        super().__init__(os.fspath(name), mode + "b")
        self.blob = blob

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        super().close()
        if hasattr(self, "blob"):  # else it could not even be opened
            self.blob.closed(self)


def new_file(folder: str | os.PathLike[str]) -> Path:
    """Return the path of a new, empty file in `folder`."""
    descriptor, name = tempfile.mkstemp(prefix="blob-", dir=folder)
    os.close(descriptor)
    return Path(name)


def move(source: Path, target: Path) -> None:
    """Put the file `source` in the place of `target`, also from another disk.

    Raises `OSError` where that is impossible or `source` is no file, and has moved nothing then.
    """
    if not source.is_file():
        raise FileNotFoundError(
            errno.ENOENT, "there is no such file to be the content of a blob", str(source)
        )
    try:
        if source.is_symlink():
            raise OSError(errno.EXDEV, "what it leads to belongs to somebody else", str(source))
        source.replace(target)
    except OSError:
        duplicate(source, target)
        source.unlink()


def duplicate(source: Path, target: Path) -> None:
    """Copy the content of `source` to `target`, all of it or, where this raises, nothing."""
    unfinished = new_file(target.parent)
    try:
        shutil.copyfile(source, unfinished)
        unfinished.replace(target)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def spare(source: Path, folder: str | os.PathLike[str]) -> Path:
    """Return a new file in `folder` with the content of `source`, to be given away.

    It is another name of the same file where that is possible: see `is_shared`.
    """
    target = new_file(folder)
    try:
        target.unlink()
        os.link(source, target)
    except OSError:
        duplicate(source, target)
    return target


def is_shared(path: Path) -> bool:
    """Tell whether a change of the file could be seen under another name."""
    return path.stat().st_nlink > 1
