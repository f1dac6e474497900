"""ZODB over ZEO: clients of a ``runzeo`` that the run starts on the loopback interface."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zodb_conformance.servers import lodging, zeo
from zodb_conformance.targets.base import Cut, Storage, Target
from zodb_conformance.targets.zodb import KEEPING, mapping, over_zodb

CAPABILITIES = (KEEPING - {"serving"}) | {"blobs", "reconnecting", "several-clients"}
"""What clients of a server can do that serves a FileStorage."""

SERVED = (
    "import contextlib",
    "import tempfile",
    "import ZEO",
    "directory = tempfile.TemporaryDirectory()",
    "blobs, own = directory.name + '/blobs', directory.name + '/blobs-of-the-client'",
    "if not hasattr(directory, 'address'):",
    "    with contextlib.chdir(directory.name):  # where the server's settings are written to",
    "        directory.address, stop = ZEO.server(directory.name + '/Data.fs', blobs)",
    "address = directory.address",
)
"""The lines of Python that start a server, for witnesses; once for a folder."""

ASSIGNED = "zeo.json"
"""The file of a storage's folder that says which storage of which server it is for."""

WAIT = 20
"""Seconds that a client waits for its server."""

IMPATIENCE = 0.3
"""Seconds that a call waits for the server while a client has lost its connection on purpose."""

NOBODY = zeo.HOST, 9
"""An address at which nobody listens."""

CUTTING = (
    "import time",
    "io, addresses = storage._server, storage._server.client.addrs",
    "io.wait()",
    f"patience, io.timeout = io.timeout, {IMPATIENCE}",
    f"storage.new_addr({NOBODY})",
    "io.loop.call_soon_threadsafe(io.client.protocol.sm_protocol.transport.abort)",
    "while io.is_connected():",
    "    time.sleep(0.001)",
    "def come_back():",
    "    io.timeout = patience",
    "    storage.new_addr(addresses)",
)
"""The lines of Python by which a client loses its connection."""


def clients() -> Target:
    """Clients of a ZEO server, each with a folder of its own for the blobs that it has read."""
    return _over_zeo("zeo", shared=False)


def clients_with_shared_blobs() -> Target:
    """Clients of a ZEO server that use the server's own folder of blobs."""
    return _over_zeo("zeo-shared-blobs", shared=True)


def _over_zeo(name: str, *, shared: bool) -> Target:
    from ZEO.ClientStorage import ClientStorage

    def storage(options: str, **given: Any) -> Storage:
        def open_storage(directory: Path) -> Any:
            served = assigned(directory)
            own = tempfile.mkdtemp(prefix="blobs-", dir=directory)
            return ClientStorage(
                (zeo.HOST, served.port),
                storage=served.name,
                wait_timeout=WAIT,
                blob_dir=str(served.blobs) if shared else own,
                shared_blob_dir=shared,
                **given,
            )

        return Storage(open_storage, (*SERVED, f"storage = ZEO.client(address{blobs}{options})"))

    place = "blobs" if shared else "own"
    blobs = f", blob_dir={place}, shared_blob_dir={shared}"
    opened = storage("")._replace(
        read_only=storage(", read_only=True", read_only=True),
        crash=lambda directory: zeo.crash(assigned(directory)),
        lost=Cut(cut, CUTTING),
    )
    return over_zodb(name, opened, CAPABILITIES, mapping(), ("ZEO",))


def cut(client: Any) -> Callable[[], None]:
    """Have a client lose its connection, and look for its server where nobody listens, until it is
    let come back.  Calls do not wait for long meanwhile.
    """
    io, addresses = client._server, client._server.client.addrs
    io.wait()
    patience, io.timeout = io.timeout, IMPATIENCE
    client.new_addr(NOBODY)
    io.loop.call_soon_threadsafe(io.client.protocol.sm_protocol.transport.abort)
    while io.is_connected():
        time.sleep(0.001)

    def come_back() -> None:
        io.timeout = patience
        client.new_addr(addresses)

    return come_back


def assigned(directory: Path) -> zeo.Served:
    """The storage of a server that is for a folder: always the same one, and for no other.

    Raises TargetUnusable where no server starts.
    """
    note = directory / ASSIGNED
    if not note.exists():
        given = zeo.assign(lodging.current(), directory)
        told = [str(given.folder), given.port, given.name]
        note.write_text(json.dumps(told), encoding="utf-8")
    folder, port, name = json.loads(note.read_text(encoding="utf-8"))
    return zeo.Served(Path(folder), port, name)
