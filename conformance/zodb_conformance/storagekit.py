"""The functions that examples and scripts on the storage protocol use beside the protocol itself.

A witness quotes the source of those that it uses, so each uses nothing but the others and what is
imported.
"""

# ruff: noqa: D102, N802, PLC0415 -- protocols fix the names; each function stands alone

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from zodb_conformance.things import Counter


class Layer:
    """What stands above a storage, and is registered with `registerDB`.

    announced  what `invalidate` was told: pairs of a tid and the oids, sorted
    forgotten  how often `invalidateCache` was called
    """

    def __init__(self) -> None:
        self.announced: list[tuple[bytes, list[bytes]]] = []
        self.forgotten = 0

    def invalidate(self, tid: bytes, oids: Iterable[bytes], version: str = "") -> None:
        self.announced.append((tid, sorted(oids)))

    def invalidateCache(self) -> None:
        self.forgotten += 1

    def references(self, data: bytes, oids: list[bytes] | None = None) -> list[bytes]:
        return oids_in(data, oids)

    def transform_record_data(self, data: bytes) -> bytes:
        return data

    def untransform_record_data(self, data: bytes) -> bytes:
        return data


class Hexadecimal(Layer):
    """A layer that writes records in hexadecimal: what it stores are no pickles."""

    def references(self, data: bytes, oids: list[bytes] | None = None) -> list[bytes]:
        return oids_in(self.untransform_record_data(data), oids)

    def transform_record_data(self, data: bytes) -> bytes:
        return b".h" + data.hex().encode()

    def untransform_record_data(self, data: bytes) -> bytes:
        if not data.startswith(b".h"):
            raise ValueError(f"expected a record in hexadecimal, got {data[:20]!r}")
        return bytes.fromhex(data[2:].decode())


def metadata(
    user: bytes = b"", description: bytes = b"", extension: dict[str, Any] | None = None
) -> Any:
    """What a storage is given with each call of a two-phase commit, of a transaction of its own.

    extension: its further notes, which it has as a dictionary and, pickled, as bytes
    """
    import pickle

    class Meta:
        def __init__(self) -> None:
            self.user, self.description = user, description
            self.extension = dict(extension or {})
            self.extension_bytes = pickle.dumps(self.extension, 3) if self.extension else b""
            self._extension = self.extension
            self._data: dict[int, Any] = {}

        def data(self, key: Any) -> Any:
            return self._data[id(key)]

        def set_data(self, key: Any, value: Any) -> None:
            self._data[id(key)] = value

    return Meta()


def content(value: Any, *oids: bytes, weak: tuple[bytes, ...] = ()) -> bytes:
    """A data record of a mapping that holds a value, and refers to objects, strongly or weakly."""
    import io
    import pickle

    from persistent.mapping import PersistentMapping

    class Pickler(pickle.Pickler):
        def persistent_id(self, part: Any) -> Any:
            return part[1] if type(part) is tuple and part[:1] == ("ref",) else None

    strong = [("ref", (oid, PersistentMapping)) for oid in oids]
    state = {"value": value, "strong": strong, "weak": [("ref", ["w", (oid,)]) for oid in weak]}
    file = io.BytesIO()
    pickler = Pickler(file, 3)
    pickler.dump(PersistentMapping)
    pickler.dump({"data": state})
    return file.getvalue()


def counted(n: int) -> bytes:
    """A data record of a counter, whose class resolves conflicts."""
    import pickle

    return pickle.dumps(Counter, 3) + pickle.dumps({"n": n}, 3)


def shown(found: Any) -> Any:
    """What a call that reads gives, with what the records hold in place of their data: the value of
    a mapping or how far a counter has counted, None for a blob, and the oids to which it refers.
    """
    if isinstance(found, tuple | list):
        return (shown(found[0]), *found[1:])
    return None if found is None else held_in(found)


@functools.lru_cache  # the same records are read again and again
def held_in(data: bytes) -> tuple[Any, list[bytes]]:
    """What a record holds, and the oids to which it refers."""
    import io
    import pickle

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, form: Any) -> Any:
            return form[0] if isinstance(form, tuple) else form

        def find_class(self, module: str, name: str) -> Any:
            return type(name, (), {"__module__": module})

    unpickler = Unpickler(io.BytesIO(data))
    unpickler.load()
    state = unpickler.load()
    if state is None:
        return None, []
    if "n" in state:
        return state["n"], []
    return state["data"]["value"], state["data"]["strong"]


def values_of(storage: Any, *oids: bytes) -> list[Any]:
    """The values that the current records of these objects hold, None for one that there is not."""
    found: list[Any] = []
    seen = newest(storage)
    for oid in oids:
        try:
            found.append(value_in(seen.load(oid)[0]))
        except KeyError:
            found.append(None)
    return found


def kept(storage: Any, oid: bytes, *tids: bytes) -> list[Any]:
    """The values that these revisions of an object hold, None for one that can't be read."""
    found: list[Any] = []
    seen = newest(storage)
    for tid in tids:
        try:
            found.append(value_in(seen.loadSerial(oid, tid)))
        except KeyError:
            found.append(None)
    return found


def pause() -> float:
    """The time, in seconds since 1970: later than all that was committed so far, and earlier than
    all that will be.
    """
    import time

    time.sleep(0.005)
    now = time.time()
    time.sleep(0.005)
    return now


def undo(storage: Any, *ids: bytes, meta: Any = None) -> tuple[bytes, list[bytes]]:
    """Undo transactions, in one of its own, and give its tid and the oids that the storage told of,
    sorted.  Where that fails it is aborted.

    ids:  of entries of the undo log, the first one first
    meta: what the storage is told of the transaction
    """
    noted = metadata() if meta is None else meta
    storage.tpc_begin(noted)
    try:
        told: set[bytes] = set()
        for id in ids:
            told.update((storage.undo(id, noted) or (None, ()))[1])
        told.update(storage.tpc_vote(noted) or ())
        tid: bytes = storage.tpc_finish(noted)
    except BaseException:
        storage.tpc_abort(noted)
        raise
    return tid, sorted(told)


def delete(storage: Any, *pairs: tuple[bytes, bytes]) -> bytes:
    """Delete objects in a transaction of its own, and give the tid.

    pairs: for each the oid, and the tid of its current revision
    """
    noted = metadata()
    storage.tpc_begin(noted)
    for oid, serial in pairs:
        storage.deleteObject(oid, serial, noted)
    storage.tpc_vote(noted)
    tid: bytes = storage.tpc_finish(noted)
    return tid


def restore(storage: Any, tid: bytes, *records: tuple[Any, ...]) -> bytes:
    """Restore records in a transaction of its own, which is given this tid, and give its tid.

    records: for each the oid, the data or None, and perhaps the tid of an earlier transaction that
             is said to have the same data
    """
    noted = metadata()
    storage.tpc_begin(noted, tid)
    for oid, data, *hint in records:
        storage.restore(oid, tid, data, "", hint[0] if hint else None, noted)
    storage.tpc_vote(noted)
    given: bytes = storage.tpc_finish(noted)
    return given


def present(tid: bytes) -> bytes:
    """The tid of a transaction that is committed now, later than `tid`."""
    import time

    from persistent.timestamp import TimeStamp

    now = time.time()
    stamp: bytes = TimeStamp(*time.gmtime(now)[:5], now % 60).laterThan(TimeStamp(tid)).raw()
    return stamp


def value_in(data: bytes) -> Any:
    """The value that a record of `content` holds."""
    return shown(data)[0]


def oids_in(data: bytes, oids: list[bytes] | None = None) -> list[bytes]:
    """The oids of the objects to which a record refers strongly, added to `oids` where it is given.

    This is what a storage is given to pack with (``referencesf``).
    """
    import io
    import pickle

    found = [] if oids is None else oids

    class Unpickler(pickle.Unpickler):
        def persistent_load(self, form: Any) -> Any:
            if isinstance(form, tuple):
                found.append(form[0])
            elif isinstance(form, bytes):
                found.append(form)

        def find_class(self, module: str, name: str) -> Any:
            return type(name, (), {"__module__": module, "__setstate__": lambda *_: None})

    unpickler = Unpickler(io.BytesIO(data))
    unpickler.load()
    unpickler.load()
    return found


def commit(storage: Any, *writes: tuple[bytes, bytes, bytes], meta: Any = None) -> bytes:
    """Store records in a transaction of its own, and give the tid.

    writes: for each the oid, the tid of the revision that it replaces, and the data
    meta:   what the storage is told of the transaction
    """
    noted = metadata() if meta is None else meta
    storage.tpc_begin(noted)
    for oid, serial, data in writes:
        storage.store(oid, serial, data, "", noted)
    storage.tpc_vote(noted)
    tid: bytes = storage.tpc_finish(noted)
    return tid


def begun(storage: Any, *writes: tuple[bytes, bytes, bytes], meta: Any = None) -> Any:
    """What stands for a transaction that has begun, and has stored records.

    writes: for each the oid, the tid of the revision that it replaces, and the data
    meta:   what is to stand for it, a new one where nothing is given
    """
    noted = metadata() if meta is None else meta
    storage.tpc_begin(noted)
    for oid, serial, data in writes:
        storage.store(oid, serial, data, "", noted)
    return noted


def voted(storage: Any, *writes: tuple[bytes, bytes, bytes], meta: Any = None) -> Any:
    """What stands for a transaction that has stored records, and for which the storage has voted.

    writes, meta: as for `begun`
    """
    noted = begun(storage, *writes, meta=meta)
    storage.tpc_vote(noted)
    return noted


def blob_record() -> bytes:
    """The data record of a blob, the same for all: what they hold is in their files."""
    return b"\x80\x03cZODB.blob\nBlob\nq\x00.\x80\x03N."


def blob_file(storage: Any, held: bytes) -> str:
    """The path of a new file, to be stored as what a blob holds, in the folder for such files."""
    import tempfile

    folder = storage.temporaryDirectory()
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(held)
    return file.name


def commit_blob(storage: Any, oid: bytes, serial: bytes, held: bytes) -> bytes:
    """Store what a blob holds, with its record, in a transaction of its own, and give the tid.

    serial: the tid of the revision that it replaces, eight zero bytes for a new one
    """
    noted = metadata()
    storage.tpc_begin(noted)
    storage.storeBlob(oid, serial, blob_record(), blob_file(storage, held), "", noted)
    storage.tpc_vote(noted)
    tid: bytes = storage.tpc_finish(noted)
    return tid


def held(storage: Any, oid: bytes, *tids: bytes) -> list[Any]:
    """What a blob holds in these revisions, None for one in which it can't be read."""
    from pathlib import Path

    found: list[Any] = []
    seen = newest(storage)
    for tid in tids:
        try:
            found.append(Path(seen.loadBlob(oid, tid)).read_bytes())
        except KeyError:
            found.append(None)
    return found


def read_out(file: Any) -> bytes:
    """What is in an open file from its position on; it is closed."""
    with file:
        found: bytes = file.read()
    return found


def write_to(blob: Any, written: bytes, mode: str = "w") -> None:
    """Open a blob, write to it, and close it."""
    with blob.open(mode) as file:
        file.write(written)


def newest(storage: Any) -> Any:
    """The storage, after it has looked for what was committed, where it brings its own snapshots.

    Other storages show the current state in any case.
    """
    if hasattr(storage, "poll_invalidations"):
        storage.poll_invalidations()
    return storage


def caught_up(storage: Any, tid: bytes, seconds: float = 60) -> Any:
    """The storage, as soon as it tells of a transaction that another client has committed.

    tid:     that of the transaction
    seconds: what is too long; what a client is told comes over a network, and may take a moment
    """
    import time

    latest = time.monotonic() + seconds
    while newest(storage).lastTransaction() < tid:
        if time.monotonic() > latest:
            raise AssertionError(f"expected to hear of another client's commit in {seconds} s")
        time.sleep(0.001)
    return storage


def told(layer: Layer, *expected: tuple[bytes, tuple[bytes, ...]]) -> bool:
    """Whether a layer was told of these transactions in this order, or to forget everything.

    expected: for each transaction its tid, and oids that it has written
    """
    wanted = dict(expected)
    found = [(tid, set(oids)) for tid, oids in layer.announced if tid in wanted]
    in_order = [tid for tid, _ in found] == [tid for tid, _ in expected]
    return layer.forgotten > 0 or (in_order and all(oids >= {*wanted[tid]} for tid, oids in found))


def beside(storage: Any) -> Any:
    """What another thread works with: an instance of its own, where the storage brings its own
    snapshots, and else the storage itself.
    """
    return storage.new_instance() if hasattr(storage, "new_instance") else storage


def fails_with(names: tuple[str, ...], call: Callable[[], Any]) -> bool:
    """Whether a call raises an error that has one of the names, its base classes included."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # which one it is, is asked
        return any(cls.__name__ in names for cls in type(error).__mro__)
    return False


def text_bytes(text: Any) -> bytes:
    """A note on a transaction as bytes, whether a storage gives text or bytes."""
    return text.encode() if isinstance(text, str) else bytes(text)


def history_of(storage: Any, oid: bytes) -> list[tuple[bytes, bytes]]:
    """The tid and the description of each revision of an object, as the storage lists them."""
    found = storage.history(oid, size=99)
    return [(entry["tid"], text_bytes(entry["description"])) for entry in found]


def transactions(iterator: Any) -> list[tuple[bytes, bytes, dict[bytes, Any]]]:
    """The tid, the description and the records of each transaction that has some, as a storage
    lists them.
    """
    found = []
    for each in iterator:
        records = {record.oid: shown(record.data) for record in each}
        if records:
            found.append((each.tid, text_bytes(each.description), records))
    return found


def notes_of(iterator: Any) -> list[tuple[bytes, bytes, bytes, dict[str, Any]]]:
    """The tid, and what was told of it, of each transaction that has records, as a storage lists
    them.
    """
    return [
        (each.tid, text_bytes(each.user), text_bytes(each.description), dict(each.extension))
        for each in iterator
        if list(each)
    ]


def current_records(storage: Any) -> list[tuple[bytes, bytes, Any]]:
    """The oid, the tid and what is shown of each current record, as the storage lists them."""
    found: list[tuple[bytes, bytes, Any]] = []
    cookie = None
    while not found or cookie is not None:
        oid, tid, data, cookie = storage.record_iternext(cookie)
        found.append((oid, tid, shown(data)))
    return found


def undo_log_of(storage: Any) -> list[bytes]:
    """The descriptions of the transactions that can be undone, as the storage lists them."""
    return [text_bytes(entry["description"]) for entry in storage.undoLog(0, 999)]


def stored(db: Any, oid: bytes) -> tuple[bytes, bytes]:
    """The current record of `oid` and its tid, straight from the storage.

    Raises KeyError where there is none.
    """
    found = newest(db.storage).loadBefore(oid, b"\x7f" + b"\xff" * 7)
    if found is None:
        raise KeyError(oid)
    return found[0], found[1]


def store(db: Any, oid: bytes, data: bytes, serial: bytes = bytes(8)) -> bytes:
    """Write a record by hand, in a transaction of its own, and give the tid.

    serial: the tid of the record that it replaces, eight zero bytes for a new one.
    """
    return commit(db.storage, (oid, serial, data))
