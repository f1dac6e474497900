"""A private ZEO server: ``runzeo`` with many empty storages, on a port of the loopback interface.

A storage of a running server can't be emptied, so each is used once.  When all of them are used,
another server is started, and those whose storages nobody needs any more are ended.
"""

from __future__ import annotations

import json
import signal
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from zodb_conformance.servers import keeper, locks

STORAGES = 200
"""How many storages a server has: each costs a file, and a millisecond when the server starts."""

HOST = "127.0.0.1"
PORT, USERS = "port", "users.json"
"""The files of a server's folder: where it listens, and the folders that its storages are for."""


class Served(NamedTuple):
    """A storage of a server.

    folder  that of the server
    port    where it listens on the loopback interface
    name    what the storage is called there
    """

    folder: Path
    port: int
    name: str

    @property
    def blobs(self) -> Path:
        """The folder in which the server keeps the blobs of the storage."""
        return self.folder / f"{self.name}-blobs"


def assign(run: Path, directory: Path) -> Served:
    """A storage that nobody has used, for whatever keeps its data in `directory`; the server is
    started where none runs that has one left.

    Raises TargetUnusable where it does not start.
    """
    with locks.holding(run / "zeo.lock"):
        servers = sorted(run.glob("zeo-*"), key=lambda each: int(each.name.partition("-")[2]))
        folder = servers[-1] if servers else None
        users = _users(folder) if folder else []
        if folder is None or len(users) == STORAGES:
            for each in servers:
                if not any(Path(user).exists() for user in _users(each)):
                    keeper.discard(each)
            number = int(folder.name.partition("-")[2]) + 1 if folder else 1
            folder, users = run / f"zeo-{number}", []
            _start(folder)
        served = Served(folder, port_of(folder), str(len(users)))
        users.append(str(directory))
        (folder / USERS).write_text(json.dumps(users), encoding="utf-8")
    return served


def crash(served: Served) -> None:
    """Kill the server of a storage; it starts again over the same data."""
    keeper.crash(served.folder, lambda: _listens(served.port))


def port_of(folder: Path) -> int:
    """Where the server of a folder listens."""
    return int((folder / PORT).read_text(encoding="ascii"))


def _users(folder: Path) -> list[str]:
    try:
        return list(json.loads((folder / USERS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def _start(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    with socket.socket() as found:
        found.bind((HOST, 0))
        port = found.getsockname()[1]
    (folder / PORT).write_text(str(port), encoding="ascii")
    sections = "".join(
        f"<filestorage {number}>\n"
        f"  path {folder}/{number}.fs\n"
        f"  blob-dir {folder}/{number}-blobs\n"
        "</filestorage>\n"
        for number in range(STORAGES)
    )
    log = "<eventlog>\n  level WARN\n  <logfile>\n    path STDERR\n  </logfile>\n</eventlog>\n"
    configuration = folder / "zeo.conf"
    configuration.write_text(
        f"<zeo>\n  address {HOST}:{port}\n</zeo>\n{log}{sections}", encoding="utf-8"
    )
    command = (sys.executable, "-m", "ZEO.runzeo", "-C", str(configuration))
    keeper.start(folder, keeper.Order(command, signal.SIGTERM), lambda: _listens(port))


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
