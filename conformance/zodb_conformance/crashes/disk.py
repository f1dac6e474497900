"""A disk that forgets: what of the files below a folder it still holds when the power fails.

What was synced is safe.  Of the rest, a disk may have any part.  Which part is chosen here:

* of what was written into files since they were synced: nothing, or some of the pages;
* of the names that were made, changed and removed: all of them, those before the last sync of
  anything (as with file systems that keep a journal of them), or those in folders that were synced
  themselves (which is all that POSIX promises).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from zodb_conformance.crashes.recording import Operation

PAGE = 4096
"""How many bytes reach a disk together, or not at all."""

Names = Literal["all", "journal", "folders"]
"""Which names are kept."""


@dataclass(frozen=True)
class Change:
    """One thing that was done to a file since it was synced.

    kind   "write", "truncate" or "extend"
    place  where in the file: the beginning of what is written, or the new end
    data   what is written there
    """

    kind: str
    place: int
    data: bytes = b""

    def pages(self) -> Iterator[Change]:
        """The change in parts of which each reaches the disk as a whole."""
        if self.kind != "write":
            yield self
            return
        begin, end = self.place, self.place + len(self.data)
        while begin < end:
            until = min(end, (begin // PAGE + 1) * PAGE)
            yield Change("write", begin, self.data[begin - self.place : until - self.place])
            begin = until


Keep = Callable[[Change], bool]
"""Whether a change reached the disk although nobody synced it."""


def everything(_: Change) -> bool:
    """Keep all changes."""
    return True


def nothing(_: Change) -> bool:
    """Keep no change."""
    return False


@dataclass
class File:
    """A file: what the disk holds of it for sure, and what was done to it since."""

    safe: bytearray = field(default_factory=bytearray)
    changes: list[Change] = field(default_factory=list)

    def content(self, keep: Keep) -> bytes:
        """What it holds if of the changes those are kept that `keep` picks."""
        content = bytearray(self.safe)
        for change in (page for each in self.changes for page in each.pages()):
            if keep(change):
                apply(change, content)
        return bytes(content)

    def sync(self) -> None:
        """Have everything on the disk."""
        for change in self.changes:
            apply(change, self.safe)
        self.changes.clear()


def apply(change: Change, content: bytearray) -> None:
    """Do a change to the content of a file."""
    if change.kind == "truncate":
        del content[change.place :]
    if len(content) < change.place:
        content.extend(bytes(change.place - len(content)))
    if change.kind == "write":
        content[change.place : change.place + len(change.data)] = change.data


@dataclass
class Renaming:
    """One change of names: `old` is gone, and `new` names the file (or folder, as None)."""

    old: str | None
    new: str | None
    file: File | None
    synced: bool = False

    def is_in(self, folder: str) -> bool:
        """Whether it changes what a folder lists."""
        return folder in [str(Path(name).parent) for name in (self.old, self.new) if name]


class Disk:
    """What recorded operations leave below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._renamings: list[Renaming] = []
        self._journal = 0  # how many of them were followed by some sync
        self._names: dict[str, File | None] = {}
        self._open: dict[int, File | str] = {}  # a folder by its name

    def do(self, operation: Operation) -> None:
        """Do one operation, as it was recorded."""
        match operation.kind:
            case "open":
                name = self._name(operation.payload)
                if operation.made:
                    self._rename(None, name, File())
                found = self._names.get(name)
                self._open[operation.descriptor] = name if found is None else found
            case "close":
                self._open.pop(operation.descriptor, None)
            case "sync":
                self._sync(self._open.get(operation.descriptor))
            case "unlink" | "rmdir":
                self._rename(self._name(operation.payload), None, None)
            case "mkdir":
                self._rename(None, self._name(operation.payload), None)
            case "rename":
                old, new = map(self._name, operation.payload.split(b"\0"))
                self._move(old, new)
            case "link":
                old, new = map(self._name, operation.payload.split(b"\0"))
                self._rename(None, new, self._names[old])
            case "write" | "truncate" | "extend":
                file = self._open[operation.descriptor]
                assert isinstance(file, File)
                file.changes.append(Change(operation.kind, operation.place, operation.payload))

    def image(self, names: Names, keep: Keep) -> dict[str, bytes | None]:
        """What a power failure now would leave: files with their content, folders with None."""
        chosen: Iterable[Renaming] = self._renamings
        if names == "journal":
            chosen = self._renamings[: self._journal]
        elif names == "folders":
            chosen = [each for each in self._renamings if each.synced]
        files = renamed({}, chosen)
        reachable = {
            name: file
            for name, file in files.items()
            if all(str(above) in files for above in list(Path(name).parents)[:-1])
        }
        return {
            name: None if file is None else file.content(keep) for name, file in reachable.items()
        }

    def settle(self) -> None:
        """Have everything on the disk, as it is some time after the last change."""
        for file in filter(None, self._names.values()):
            file.sync()
        self._sync(".")
        for renaming in self._renamings:
            renaming.synced = True

    def _name(self, path: bytes) -> str:
        return os.path.relpath(os.fsdecode(path), self._folder)

    def _rename(self, old: str | None, new: str | None, file: File | None) -> None:
        self._renamings.append(Renaming(old, new, file))
        self._names = renamed(self._names, self._renamings[-1:])

    def _move(self, old: str, new: str) -> None:
        below = [name for name in self._names if name.startswith(f"{old}/")]
        self._rename(old, new, self._names[old])
        for name in below:  # names of files in a folder that moved: they move with it at once
            self._rename(name, new + name.removeprefix(old), self._names[name])

    def _sync(self, synced: File | str | None) -> None:
        """Have a file on the disk, or the names in a folder, or for None everything."""
        if synced is None:
            self.settle()
            return
        self._journal = len(self._renamings)
        if isinstance(synced, File):
            synced.sync()
            return
        for renaming in self._renamings:
            renaming.synced = renaming.synced or renaming.is_in(synced)


def renamed(names: dict[str, File | None], renamings: Iterable[Renaming]) -> dict[str, File | None]:
    """The names after some changes of them."""
    names = dict(names)
    for each in renamings:
        if each.old is not None:
            names.pop(each.old, None)
        if each.new is not None:
            names[each.new] = each.file
    return names


def write(image: dict[str, bytes | None], folder: Path) -> None:
    """Write an image into a new folder."""
    folder.mkdir()
    for name in sorted(image):
        content = image[name]
        if content is None:
            (folder / name).mkdir()
        else:
            (folder / name).write_bytes(content)


def held_in(folder: Path) -> dict[str, bytes | None]:
    """What a folder holds, as an image."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
    }
