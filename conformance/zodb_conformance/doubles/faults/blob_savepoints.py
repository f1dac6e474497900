"""Faults in what savepoints keep of blobs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zodb_reference.blobfiles import spare
from zodb_reference.blobs import Blob
from zodb_reference.committing import Commit
from zodb_reference.errors import ConflictError
from zodb_reference.identity import IdentityMap
from zodb_reference.jar import Jar
from zodb_reference.scratch import Scratch
from zodb_reference.snapshot import Snapshot

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead

Kept = dict[bytes, Path]


@contextmanager
def remembered(given: Callable[[Jar, bytes, Path | None, Kept], Path | None]) -> Iterator[None]:
    """The fault that every file that a savepoint has kept is there for good.

    given: what is given in place of the file of an oid: it is told the connection, the oid, the
           correct answer, and what was kept of each oid at last
    """
    kept: Kept = {}

    def store(correct: Any, scratch: Scratch, oid: bytes, serial: bytes, *others: Any) -> None:
        correct(scratch, oid, serial, *others)
        content = scratch.content(oid)
        if content is not None:
            kept[oid] = spare(content, folder)

    def saved(correct: Any, connection: Jar, oid: bytes) -> Path | None:
        return given(connection, oid, correct(connection, oid), kept)

    with (
        tempfile.TemporaryDirectory() as folder,
        around(Scratch, "store", store),
        around(Jar, "saved_blob", saved),
    ):
        yield


@double("blob.rollback", also="blob.leaves-no-files")
def a_rollback_keeps_what_was_written() -> Fault:
    """A rollback leaves a blob that was written to since as it is.

    What was to be taken back is committed, with objects that know nothing of it.
    """

    def invalidate(correct: Any, blob: Blob) -> None:
        jar = blob._p_jar
        if blob._p_draft is None or jar._scratch is None or jar.is_committing():
            correct(blob)

    return around(Blob, "_p_invalidate", invalidate)


@double("blob.rollback-past-savepoints", also="blob.rollback-again blob.savepoint-hidden")
def later_savepoints_take_the_place_of_earlier_ones() -> Fault:
    """A savepoint puts its file in the place of what an earlier one has kept of the blob.

    A rollback to the earlier one brings back the object, and the content of the later one.
    """

    def given(connection: Jar, oid: bytes, found: Path | None, kept: Kept) -> Path | None:
        is_later = found is not None and oid not in connection.new_objects
        return kept.get(oid) if is_later else found

    return remembered(given)


@double("blob.rollback-of-new")
def later_savepoints_take_the_place_of_earlier_new_ones() -> Fault:
    """A savepoint puts the file of a new blob in the place of what an earlier one has kept.

    A rollback to the earlier one brings back the content of the later one.
    """

    def given(connection: Jar, oid: bytes, found: Path | None, kept: Kept) -> Path | None:
        is_later = found is not None and oid in connection.new_objects
        return kept.get(oid) if is_later else found

    return remembered(given)


@double("blob.rollback-to-committed")
def what_a_savepoint_has_kept_stays() -> Fault:
    """A rollback to before a savepoint leaves the file that it has kept of a blob.

    What was taken back is read as if it had been there.
    """

    def given(connection: Jar, oid: bytes, found: Path | None, kept: Kept) -> Path | None:
        return kept.get(oid) if found is None and connection._scratch is not None else found

    return remembered(given)


@double("blob.rollback-again")
def files_last_for_one_rollback() -> Fault:
    """The second rollback of a transaction finds no files any more.

    A loop that tries several ways, and goes back each time, ends where it has not begun.
    """

    def go_back(correct: Any, scratch: Scratch, length: int) -> None:
        correct(scratch, length)
        if vars(scratch).setdefault("has_gone_back", False):
            scratch._remove_contents(0)
        scratch.has_gone_back = True  # type: ignore[attr-defined]

    return around(Scratch, "go_back", go_back)


@double("blob.rollback-disowns", also="blob.savepoint-keeps-new")
def new_blobs_stay_owned() -> Fault:
    """A rollback to before a blob was new leaves it with its oid.

    It can't be stored any more, under that oid or under another.
    """

    def withdraw(correct: Any, objects: IdentityMap, oids: Any) -> None:
        correct(objects, [oid for oid in oids if not isinstance(objects.cache.get(oid), Blob)])

    return around(IdentityMap, "withdraw", withdraw)


@double(
    "blob.savepoint-hidden",
    also="blob.rollback-again blob.rollback-of-new blob.rollback-past-savepoints "
    "blob.rollback-to-committed blob.savepoint-aborted blob.savepoint-continued",
)
def savepoints_share_their_files() -> Fault:
    """What a savepoint has kept of a blob is read by all connections.

    Others see what may never be committed.
    """

    def given(connection: Jar, oid: bytes, found: Path | None, kept: Kept) -> Path | None:
        return kept.get(oid)

    return remembered(given)


@double("blob.savepoint-committed")
def only_loaded_blobs_are_stored() -> Fault:
    """Of the blobs that savepoints have kept, a commit stores those that are in memory.

    The cache decides what of a large transaction is kept.
    """

    def put(correct: Any, commit: Commit, oid: bytes, *others: Any) -> None:
        if commit._objects.find(oid)._p_changed is not None:
            correct(commit, oid, *others)

    return around(Commit, "put_blob", put)


@double("blob.savepoint-continued", also="blob.rollback")
def what_is_continued_was_committed() -> Fault:
    """Who continues a blob after a savepoint continues what was committed.

    What was written before the savepoint is lost with the next line.
    """

    def prepare(correct: Any, blob: Blob, *, keep: bool) -> None:
        with instead(Blob, "_saved", lambda blob: None):
            correct(blob, keep=keep)

    return around(Blob, "_prepare_draft", prepare)


@double(
    "blob.savepoint-aborted",
    also="blob.rollback-of-new blob.rollback-past-savepoints blob.rollback-to-committed "
    "blob.savepoint-continued blob.savepoint-hidden",
)
def savepoints_outlive_aborts() -> Fault:
    """After an abort a blob still has what a savepoint had kept.

    What was given up is read, and continued.
    """

    def given(connection: Jar, oid: bytes, found: Path | None, kept: Kept) -> Path | None:
        return kept.get(oid) if connection._scratch is None else found

    return remembered(given)


@double("blob.savepoint-keeps-new", also="blob.savepoint-is-no-content")
def what_was_saved_is_gone() -> Fault:
    """A new blob has nothing any more when the savepoint that has taken it over is forgotten.

    A program that tries again stores an empty one.
    """
    return instead(Blob, "keep_saved", lambda blob: None)


@double("blob.savepoint-is-no-content", also="blob.savepoint-keeps-new")
def what_was_saved_is_begun_anew() -> Fault:
    """A new blob is begun anew when the savepoint that has taken it over is forgotten.

    It reads as empty, and a program that tries again stores that.
    """

    def keep(blob: Blob) -> None:
        if blob._p_draft is None:
            blob._prepare_draft(keep=False)

    return instead(Blob, "keep_saved", keep)


@double("blob.leaves-no-files")
def savepoints_leave_their_files() -> Fault:
    """What a savepoint has kept of a blob is forgotten, and its file left where it is.

    A program that makes a savepoint for every step fills the disk.
    """
    return instead(Scratch, "_remove_contents", lambda scratch, since: None)


@double("blob.conflict-leaves-no-files")
def refused_files_stay() -> Fault:
    """A file that the storage did not take, because of a conflict, is nobody's, and stays.

    Nobody knows what all the files are that make the backup so large.
    """

    def store(
        correct: Any,
        snapshot: Snapshot,
        oid: bytes,
        serial: bytes,
        data: bytes,
        file: str,
        meta: Any,
    ) -> None:
        try:
            correct(snapshot, oid, serial, data, file, meta)
        except ConflictError:
            Path(file).rename(f"{file}-refused")
            raise

    return around(Snapshot, "store_blob", store)
