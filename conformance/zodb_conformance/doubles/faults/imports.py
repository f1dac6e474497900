"""Faults in imports: what they make, and what undoes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from zodb_reference import changes
from zodb_reference.committing import Commit
from zodb_reference.errors import ExportError
from zodb_reference.exporting import Renumbering
from zodb_reference.identity import IdentityMap
from zodb_reference.newness import NewObjects
from zodb_reference.participant import Participant
from zodb_reference.savepoints import Savepoint
from zodb_reference.scratch import Scratch

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead, together


@double("import.makes-copies")
def what_is_imported_refers_to_the_originals() -> Fault:
    """The references of what is imported keep the oids that they have in the file.

    They lead to whatever has these oids in this database: a copy shares its parts with the
    original, and one from another database has anybody's.
    """
    return instead(Renumbering, "_strong", lambda writer, old: old)


@double("import.saves-at-once")
def an_import_asks_for_a_way_back() -> Fault:
    """The savepoint that an import makes is one that can be returned to.

    Nothing can be imported in a transaction with a participant that has no savepoints, such as one
    that sends mail.
    """

    def take_in(member: Participant, file: IO[bytes]) -> Any:
        member._join()
        member.transaction_manager.get().savepoint()
        return member._do_undisturbed(member._take_in, file)

    return instead(Participant, "take_in", take_in)


@double("import.stored-unreachable")
def what_of_an_import_is_not_in_memory_is_not_stored() -> Fault:
    """Of what was imported, a commit stores what the program has loaded.

    The first object is there, and its parts are missing.
    """
    imported: set[bytes] = set()

    def take_in(correct: Any, new: NewObjects, oid: bytes) -> None:
        imported.add(oid)
        correct(new, oid)

    def store_saved(correct: Any, commit: Commit, scratch: Scratch) -> None:
        for oid in [oid for oid in imported if commit._objects.find(oid) is None]:
            scratch._positions.pop(oid, None)
        imported.clear()
        correct(commit, scratch)

    return together(
        around(NewObjects, "take_in", take_in), around(Commit, "store_saved", store_saved)
    )


@double("import.counts-as-added")
def what_is_imported_counts_as_reached() -> Fault:
    """An imported object is as new as one that was reached: where it belongs would be a guess.

    The program has said where it wants the object, and its references to it are refused.
    """
    return instead(NewObjects, "take_in", NewObjects.adopt)


@double("import.abort-disowns")
def an_abort_leaves_what_was_imported_its_oid() -> Fault:
    """An abort lets the imported objects keep their connection and their oids.

    A later commit stores references to them, and not them.
    """
    return _kept(lambda savepoint: savepoint.length == 0)


@double("import.rollback-disowns")
def a_rollback_leaves_what_was_imported_its_oid() -> Fault:
    """The return to a savepoint lets imported objects keep their connection and their oids.

    A later commit stores references to them, and not them.
    """
    return _kept(lambda savepoint: savepoint.length > 0)


def _kept(where: Callable[[Savepoint], bool]) -> Fault:
    """Imported objects stay owned where what a savepoint, or the start, has left comes back."""
    imported: set[bytes] = set()
    keeping: list[Savepoint] = []

    def take_in(correct: Any, new: NewObjects, oid: bytes) -> None:
        imported.add(oid)
        correct(new, oid)

    def undo_since(
        correct: Any, member: Participant, savepoint: Savepoint, *rest: Any, **how: Any
    ) -> None:
        if where(savepoint):
            keeping.append(savepoint)
        try:
            correct(member, savepoint, *rest, **how)
        finally:
            keeping.clear()

    def withdraw(correct: Any, objects: IdentityMap, oids: Iterable[bytes]) -> None:
        correct(objects, [oid for oid in oids if not (keeping and oid in imported)])

    return together(
        around(NewObjects, "take_in", take_in),
        around(Participant, "_undo_since", undo_since),
        around(IdentityMap, "withdraw", withdraw),
    )


@double("import.damage-refused")
def a_file_that_ends_too_early_is_imported_as_far_as_it_goes() -> Fault:
    """Where a file breaks off, the import ends there, and nobody is told.

    Half a shop comes out of a download that was interrupted.
    """

    def records_of(correct: Any, file: IO[bytes], *more: Any) -> Iterator[tuple[bytes, bytes]]:
        try:
            yield from correct(file, *more)
        except ExportError:
            return

    return around(changes, "records_of", records_of)
