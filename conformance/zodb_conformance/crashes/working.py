"""Work on a storage, step by step, with a line in the ledger before and after each call that
matters.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from zodb_spec.crash import BLOB, ROOT

from zodb_conformance.crashes.ledger import Book
from zodb_conformance.crashes.stream import Step
from zodb_conformance.storagekit import (
    Layer,
    blob_file,
    blob_record,
    content,
    metadata,
    oids_in,
)


class Worker:
    """Who performs the steps of a stream.

    open_storage  opens the storage, or opens it again
    book          receives what comes to be known
    reached       is called with each moment that a step reaches, when the line is written
    """

    def __init__(
        self,
        open_storage: Callable[[], Any],
        book: Book,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._open_storage = open_storage
        self._book = book
        self._reached = reached
        self._storage: Any = None

    def open(self) -> None:
        """Open the storage."""
        self._storage = self._open_storage()
        self._storage.registerDB(Layer())
        self._note("opened")

    def close(self) -> None:
        """Close the storage."""
        self._note("closing")
        self._storage.close()
        self._note("closed")

    def perform(self, step: Step) -> None:
        """Perform one step."""
        match step.kind:
            case "reopen":
                self._note("reopening", step=step.number, kind=step.kind)
                self.close()
                self.open()
            case "pack":
                self._pack(step)
            case "undo":
                self._undo(step)
            case "delete":
                self._delete(step)
            case _:
                self._store(step)

    def _note(self, event: str, **more: Any) -> None:
        self._book.write(event, **more)
        self._reached(event)

    def _begin(
        self,
        step: Step,
        records: dict[bytes, str | None],
        leads: Collection[bytes],
        blobs: dict[bytes, str],
        tid: bytes = b"",
    ) -> Any:
        """Begin a transaction, with a given tid where there is one; the ledger names what it is
        going to store.
        """
        meta = metadata(description=f"step {step.number}".encode())
        # Only who restores owes an argument for the tid.
        self._storage.tpc_begin(meta, *[tid] * bool(tid))
        self._note(
            "begin",
            step=step.number,
            kind=step.kind,
            records={oid.hex(): value for oid, value in records.items()},
            leads=[oid.hex() for oid in leads],
            blobs={oid.hex(): held for oid, held in blobs.items()},
        )
        return meta

    def _store(self, step: Step) -> None:
        ledger = self._book.ledger
        new = [self._storage.new_oid() for _ in step.values[len(step.changed) :]]
        leads = [oid for oid in ledger.leads if oid not in step.dropped] + new
        records: dict[bytes, str | None] = dict(
            zip([*step.changed, *new], step.values, strict=True)
        )
        records[ROOT] = f"{step.number}.root"
        before = ledger.current()
        kept = {oid for oid, known in before.items() if known is not None and known[0] == BLOB}
        blobs = {oid: records[oid] or "" for oid in records if oid in {*kept, *new[: step.blobs]}}
        records.update(dict.fromkeys(blobs, BLOB))
        tid = _next_tid(ledger.finished[-1].written.tid) if step.kind == "restore" else b""
        meta = self._begin(step, records, leads, blobs, tid)
        for oid, value in records.items():
            known = before.get(oid)
            serial = tid or (known[1] if known else bytes(8))
            if oid in blobs:
                self._store_blob(oid, serial, blobs[oid], meta, restored=bool(tid))
                continue
            data = content(value, *leads) if oid == ROOT else content(value)
            if tid:
                self._storage.restore(oid, serial, data, "", None, meta)
            else:
                self._storage.store(oid, serial, data, "", meta)
        self._note("stored")
        if step.kind == "given up":
            self._give_up(meta)
            return
        self._storage.tpc_vote(meta)
        self._note("voted")
        if step.kind == "given up after the vote":
            self._give_up(meta)
        else:
            self._finish(meta)

    def _store_blob(
        self, oid: bytes, serial: bytes, held: str, meta: Any, *, restored: bool
    ) -> None:
        file = blob_file(self._storage, held.encode())
        if restored:
            self._storage.restoreBlob(oid, serial, blob_record(), file, None, meta)
        else:
            self._storage.storeBlob(oid, serial, blob_record(), file, "", meta)

    def _give_up(self, meta: Any) -> None:
        self._storage.tpc_abort(meta)
        self._note("refused")

    def _finish(self, meta: Any) -> None:
        self._note("finishing")
        tid = self._storage.tpc_finish(meta, lambda tid: self._note("told", tid=tid.hex()))
        self._note("finished", tid=tid.hex())

    def _undo(self, step: Step) -> None:
        """Undo the last transaction: every object is what it was before."""
        *earlier, last = self._book.ledger.finished
        before: dict[bytes, str | None] = {}
        held: dict[bytes, str] = {}
        for entry in earlier:
            before.update(entry.written.records)
            held.update(entry.written.blobs)
        records = {oid: before.get(oid) for oid in last.written.records}
        blobs = {oid: held[oid] for oid, value in records.items() if value == BLOB}
        id = self._storage.undoLog(0, 1)[0]["id"]
        meta = self._begin(step, records, earlier[-1].leads, blobs)
        self._storage.undo(id, meta)
        self._note("undone")
        self._storage.tpc_vote(meta)
        self._note("voted")
        self._finish(meta)

    def _delete(self, step: Step) -> None:
        ledger, oid = self._book.ledger, step.deleted
        known = ledger.current()[oid]
        assert known is not None, "only what is there is deleted"
        meta = self._begin(step, {oid: None}, ledger.leads, {})
        self._storage.deleteObject(oid, known[1], meta)
        self._note("stored")
        self._storage.tpc_vote(meta)
        self._note("voted")
        self._finish(meta)

    def _pack(self, step: Step) -> None:
        self._note("packing", step=step.number, kind=step.kind)
        asked = False

        def references(data: bytes, oids: list[bytes] | None = None) -> Any:
            nonlocal asked
            if not asked:
                asked = True
                self._note("marking")
            return oids_in(data) if oids is None else oids_in(data, oids)

        self._storage.pack(time.time(), references)
        self._note("packed")


def _next_tid(tid: bytes) -> bytes:
    return (int.from_bytes(tid, "big") + 1).to_bytes(8, "big")
