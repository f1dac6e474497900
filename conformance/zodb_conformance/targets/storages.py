"""Opening the storages of a target alone: in this process, and in plain scripts.

What examples on the storage protocol call is the same in both:

``open_storage()``                       opens a new, empty one, in a folder of its own
``reopened(storage, read_only=False)``   closes one, and opens what is in its folder again
``client_of(storage)``                   opens another client of the same data
``layer_over(storage)``                  opens a new storage of changes over one that is open, and
                                         that shows its newest state from then on
``cut_off(storage)``                     a block in which a client has lost its connection
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from textwrap import indent
from typing import Any

from zodb_conformance.programs import NAMESPACE
from zodb_conformance.storagekit import newest
from zodb_conformance.targets.base import Storage, Target
from zodb_conformance.targets.emptiness import unspoilt

CALLS = ("open_storage", "reopened", "client_of", "layer_over", "cut_off")

TAKEN = {*NAMESPACE, *CALLS}.union(
    ("open_read_only", "open_db", "folders", "kept_open", "directory"),
    ("db", "storage", "layer", "reader"),
)
"""The names that plain scripts define or use: who imports one of them under the same name loses it.
"""

SHARED = """
folders = []


def reopened(storage, read_only=False):
    folder = next(folder for known, folder in folders if known is storage)
    storage.close()
    return open_read_only(folder) if read_only else open_storage(folder)


def client_of(storage):
    return open_storage(next(folder for known, folder in folders if known is storage))
"""
"""What scripts define beside the functions that open a storage."""


COMING_BACK = ("try:", "    yield", "finally:", "    come_back()")
"""How what scripts define ends in which a client has lost its connection."""


class Storages:
    """The storages of a target that are open at once (see the module's text).

    target     whose storage can be opened alone
    directory  where their folders are made
    """

    def __init__(self, target: Target, directory: Path) -> None:
        assert target.storage is not None, "its capabilities say that it can be opened alone"
        self._storage: Storage = target.storage
        self._directory = directory
        self._numbers = count(1)
        self._opened: list[tuple[Any, Path]] = []
        self._layers: list[Any] = []

    def open_storage(self) -> Any:
        """Open a new storage.

        Raises TargetUnusable where it holds something already.
        """
        folder = self._new_folder("storage")
        return self._kept(unspoilt(self._storage.open(folder)), folder)

    def reopened(self, storage: Any, read_only: bool = False) -> Any:
        """Close a storage, and open what is in its folder again."""
        folder = self._folder(storage)
        storage.close()
        chosen = self._storage.read_only if read_only else self._storage
        assert chosen is not None, "its capabilities say that it can be opened read-only"
        return self._kept(chosen.open(folder), folder)

    def client_of(self, storage: Any) -> Any:
        """Open another client of the data of a storage that is open."""
        folder = self._folder(storage)
        return self._kept(self._storage.open(folder), folder)

    def layer_over(self, storage: Any) -> Any:
        """Open a new storage of changes over one that is open, in its newest state."""
        chosen = self._storage.over
        assert chosen is not None, "its capabilities say that there are such storages"
        opened = chosen.open(newest(storage), self._new_folder("layer"))
        self._layers.append(opened)
        return opened

    @contextmanager
    def cut_off(self, storage: Any) -> Iterator[None]:
        """Have a client lose its connection for as long as the block lasts."""
        chosen = self._storage.lost
        assert chosen is not None, "its capabilities say that it comes back"
        come_back = chosen.cut(storage)
        try:
            yield
        finally:
            come_back()

    def calls(self) -> dict[str, Callable[..., Any]]:
        """What examples call, by name."""
        return {name: getattr(self, name) for name in CALLS}

    def close(self) -> None:
        """Close all of them, whatever state they are in."""
        for storage in (*reversed(self._layers), *(one for one, _ in reversed(self._opened))):
            with suppress(Exception, SystemExit):
                storage.close()

    def _new_folder(self, name: str) -> Path:
        folder = self._directory / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def _kept(self, storage: Any, folder: Path) -> Any:
        self._opened.append((storage, folder))
        return storage

    def _folder(self, storage: Any) -> Path:
        return next(folder for known, folder in self._opened if known is storage)


def definitions(target: Target) -> str:
    """The Python that defines for a script what `Storages` gives."""
    storage = target.storage
    assert storage is not None, "its capabilities say that it can be opened alone"
    parts = [SHARED.strip(), _opening("open_storage", storage)]
    if storage.read_only is not None:
        parts.append(_opening("open_read_only", storage.read_only))
    if storage.over is not None:
        polling = ("if hasattr(base, 'poll_invalidations'):", "    base.poll_invalidations()")
        body = indent("\n".join((*polling, *storage.over.lines, "return storage")), "    ")
        parts.append(f"def layer_over(base):\n{body}")
    if storage.lost is not None:
        body = indent("\n".join((*storage.lost.lines, *COMING_BACK)), "    ")
        head = "import contextlib\n\n\n@contextlib.contextmanager\ndef cut_off(storage):\n"
        parts.append(f"{head}{body}")
    return "\n\n\n".join(parts) + "\n\n"


def _opening(name: str, storage: Storage) -> str:
    """The function that opens a storage: in a new folder, where it gets none."""
    tree = ast.parse("\n".join(storage.lines))
    made = [
        number
        for number, node in enumerate(tree.body)
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "directory"
    ]
    for number in made:
        condition = ast.parse("if directory is None:\n    pass").body[0]
        assert isinstance(condition, ast.If)
        condition.body = [tree.body[number]]
        tree.body[number] = condition
    keeping = "folders.append((storage, directory))\nreturn storage"
    body = f"{ast.unparse(ast.fix_missing_locations(tree))}\n{keeping}"
    return f"def {name}(directory=None):\n{indent(body, '    ')}"
