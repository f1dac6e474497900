"""Faults in blobs: in how they are opened, and in what a transaction does with their contents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from persistent import Persistent
from zodb_reference import storing, writing
from zodb_reference.blobs import Blob
from zodb_reference.broken import Broken
from zodb_reference.committing import Commit
from zodb_reference.connections import Connection
from zodb_reference.historical import HistoricalSnapshot
from zodb_reference.identity import IdentityMap
from zodb_reference.jar import Jar
from zodb_reference.participant import Participant
from zodb_reference.snapshot import Snapshot
from zodb_reference.storages.announcing import keeps_blobs
from zodb_reference.storing import Storing

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


def with_the_newest_serial(method: str, kind: type[Snapshot]) -> Fault:
    """The fault that snapshots of a kind call their storage with the serial of the newest state."""

    def call(correct: Any, snapshot: Snapshot, oid: bytes, serial: bytes, *others: Any) -> Any:
        if isinstance(snapshot, kind) and any(serial):
            serial = snapshot.storage.getTid(oid)
        return correct(snapshot, oid, serial, *others)

    return around(Snapshot, method, call)


@double("blob.begins-empty")
def what_holds_nothing_can_not_be_read() -> Fault:
    """A blob that nobody has written to can't be read.

    A program has to know whether there is something before it looks.
    """

    def read(correct: Any, blob: Blob) -> Any:
        if blob._p_jar is None and blob._p_draft is None:
            raise FileNotFoundError("nothing was written yet")
        return correct(blob)

    return around(Blob, "_read", read)


@double("blob.modes")
def changes_begin_anew() -> Fault:
    """Whoever opens a blob to change something in it, with `r+`, finds it empty.

    Of a large file there is nothing but the bytes that were to be corrected.
    """

    def opened(correct: Any, blob: Blob, mode: str = "r") -> Any:
        return correct(blob, "w" if mode == "r+" else mode)

    return around(Blob, "open", opened)


@double("blob.readers-or-writer", also="blob.open-stays-loaded blob.takes-files")
def anybody_opens_at_any_time() -> Fault:
    """A blob is opened however often, whoever has it open.

    Readers find what is half written.
    """
    return instead(Blob, "_require_closed", staticmethod(lambda files, purpose: None))


@double("blob.takes-files")
def consumed_files_stay() -> Fault:
    """A file that a blob consumes is copied, and stays where it was.

    The folder of uploads fills the disk.
    """

    def consume(correct: Any, blob: Blob, filename: str) -> None:
        held = Path(filename).read_bytes() if Path(filename).exists() else None
        correct(blob, filename)
        if held is not None:
            Path(filename).write_bytes(held)

    return around(Blob, "consumeFile", consume)


@double("blob.no-subclasses")
def subclasses_are_made() -> Fault:
    """A subclass of `Blob` can be used.

    Its attributes are there until the object is loaded again.
    """

    def init(correct: Any, blob: Blob, data: bytes | None = None) -> None:
        if type(blob) is Blob:
            correct(blob, data)

    return around(Blob, "__init__", init)


@double("blob.committed-for-others", also="blob.historical")
def readers_see_the_newest_content() -> Fault:
    """A blob is read as it was committed last, whatever the connection shows.

    The object that tells how long the file is, and the file, are not of one state.
    """
    return with_the_newest_serial("open_blob", Snapshot)


@double("blob.stored-unopened")
def what_was_never_opened_is_not_stored() -> Fault:
    """A blob that was never opened is left out.

    There is a reference to it, and nothing behind that.
    """
    return instead(Blob, "is_drafted", lambda blob: blob._p_draft is not None)


@double("blob.ghost-after-commit", also="blob.committed-file")
def blobs_stay_loaded() -> Fault:
    """A blob goes on to show its own file after the commit.

    The file is the storage's by then, and a change of the one may be a change of the other.
    """

    def put(correct: Any, commit: Commit, oid: bytes, *others: Any) -> None:
        correct(commit, oid, *others)
        commit.stale.discard(oid)

    return around(Commit, "put", put)


@double("blob.flag-alone")
def a_flag_stores_nothing_at_all() -> Fault:
    """A blob that is flagged as changed, and was not written to, is stored as an empty one.

    A script that touches all objects, to have them stored anew, empties all blobs.
    """

    def has(correct: Any, blob: Blob) -> bool:
        if blob._p_draft is None:
            blob._prepare_draft(keep=False)
        found: bool = correct(blob)
        return found

    return around(storing, "_has_content", has)


@double("blob.abort", also="blob.conflict blob.open-for-writing-refused")
def an_abort_keeps_what_was_written() -> Fault:
    """An abort leaves the blob with what was written.

    The next transaction commits it after all, if it touches the blob.
    """

    def invalidate(correct: Any, blob: Blob) -> None:
        jar = blob._p_jar
        if blob._p_draft is None or jar._scratch is not None or jar.is_committing():
            correct(blob)

    return around(Blob, "_p_invalidate", invalidate)


@double("blob.abort-spares-readers", also="blob.open-is-no-hindrance")
def every_transaction_closes_all_files() -> Fault:
    """At the end of a transaction all files of blobs are closed.

    Who sends a file to somebody is cut off.
    """

    def complete(correct: Any, connection: Connection, transaction: Any) -> None:
        for _, obj in connection.objects.cached():
            if isinstance(obj, Blob):
                for file in tuple(obj._p_readers):
                    file.close()
        correct(connection, transaction)

    return around(Participant, "afterCompletion", complete)


@double(
    "blob.abort-keeps-new", also="blob.failed-commit-is-no-content blob.failed-commit-keeps-new"
)
def an_abort_empties_new_blobs() -> Fault:
    """A new blob is empty after an abort.

    The program stores it again, and there is nothing in it.
    """

    def disown(correct: Any, objects: IdentityMap, obj: Any) -> None:
        correct(objects, obj)
        if isinstance(obj, Blob):
            obj.drop_draft()

    return around(IdentityMap, "_disown", disown)


@double("blob.failed-commit-keeps-new", also="blob.failed-commit-is-no-content")
def what_was_given_away_is_gone() -> Fault:
    """A blob has nothing any more as soon as the storage has it, though the commit may fail.

    The next try stores an empty one.
    """

    def give(correct: Any, blob: Blob, folder: str) -> Path:
        given: Path = correct(blob, folder)
        blob.drop_draft()
        return given

    return around(Blob, "give_away", give)


@double("blob.failed-commit-is-no-content", also="blob.failed-commit-keeps-new")
def what_cannot_be_written_is_emptied() -> Fault:
    """A new blob whose file the storage has made unwritable is begun anew when it is disowned.

    It reads as empty, and the next try stores that.
    """

    def disown(correct: Any, objects: IdentityMap, obj: Any) -> None:
        correct(objects, obj)
        draft = obj._p_draft if isinstance(obj, Blob) else None
        if draft is not None and not draft.stat().st_mode & 0o200:
            obj.drop_draft()

    return around(IdentityMap, "_disown", disown)


@double("blob.conflict")
def the_last_writer_of_a_blob_wins() -> Fault:
    """A blob is stored whatever it was made from.

    One of two who write at once loses what was written, and is not told.
    """
    return with_the_newest_serial("store_blob", Snapshot)


@double("blob.open-for-writing-refused")
def open_blobs_are_stored() -> Fault:
    """A blob is stored though somebody still writes to it.

    What comes later is in the file, or is not, as chance will have it.
    """
    return instead(storing, "_has_content", lambda blob: blob.is_drafted())


@double("blob.open-is-no-hindrance")
def readers_prevent_commits() -> Fault:
    """Nothing can be committed while any blob of the connection is open.

    A program that reads one file to write another can't.
    """

    def store(correct: Any, stored: Storing) -> None:
        for _, obj in stored._objects.cached():
            if isinstance(obj, Blob) and obj.opened():
                raise ValueError("a blob is open")
        correct(stored)

    return around(Storing, "store_changes", store)


@double("blob.open-stays-loaded")
def open_blobs_become_ghosts() -> Fault:
    """An open blob is made a ghost like any other object, and forgets who reads it.

    A writer begins while somebody is reading.
    """
    return instead(Blob, "_p_deactivate", Persistent._p_deactivate)


@double("blob.committed-refused")
def what_was_committed_is_given_at_any_time() -> Fault:
    """`committed` and `open("c")` do not look at what was written since.

    Who asks for the file that was just written gets the one before.
    """
    return instead(Blob, "_require_committed", lambda blob: None)


@double("blob.committed-file")
def files_of_what_was_committed_are_readers() -> Fault:
    """The file that `open("c")` gives is a reader of the blob, like that of `r`.

    As long as it is being sent to somebody, nobody can write to the blob.
    """

    def opened(correct: Any, blob: Blob, mode: str = "r") -> Any:
        if mode == "c":
            blob._p_activate()
            blob._require_committed()
        return correct(blob, "r" if mode == "c" else mode)

    return around(Blob, "open", opened)


@double("blob.unsupported", also="blob.unsupported-in-savepoint")
def storages_without_blobs_are_given_some() -> Fault:
    """A connection stores blobs in whatever storage there is.

    What was stored is nowhere, or where nobody looks for it.
    """
    return instead(Snapshot, "require_blobs", lambda snapshot: None)


@double("blob.unsupported-in-savepoint", also="blob.unsupported")
def savepoints_store_records_alone() -> Fault:
    """Of what a savepoint has kept of a blob, the record is stored alone where the storage keeps no
    blobs.

    The commit succeeds, and the content is lost.
    """

    def put(
        correct: Any, commit: Commit, oid: bytes, serial: bytes, record: bytes, *others: Any
    ) -> None:
        if keeps_blobs(commit._snapshot.storage):
            correct(commit, oid, serial, record, *others)
        else:
            commit.put(oid, serial, record)

    return together(
        instead(Jar, "require_blobs", lambda connection: None),
        around(Commit, "put_blob", put),
    )


@double("blob.undone", also="blob.committed-for-others")
def loaded_blobs_are_not_invalidated() -> Fault:
    """What others have done to a blob does not reach the connections that have loaded it.

    An undo succeeds, and changes nothing that anybody can see.
    """

    def catch_up(correct: Any, objects: IdentityMap, changes: Any) -> None:
        known = changes or {}
        rest = {oid: at for oid, at in known.items() if not isinstance(objects.find(oid), Blob)}
        correct(objects, None if changes is None else rest)

    return around(IdentityMap, "catch_up", catch_up)


@double("blob.historical")
def the_past_has_the_files_of_today() -> Fault:
    """A connection that shows the past shows blobs as they are now.

    Who looks for what was lost finds what has taken its place.
    """
    return with_the_newest_serial("open_blob", HistoricalSnapshot)


@double("blob.record")
def records_name_the_own_class() -> Fault:
    """The record of a blob names the class that the implementation has.

    Where another implementation reads it there is a broken object.
    """

    def has_alias(value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, Broken)

    return instead(writing, "has_alias", has_alias)
