"""Faults in conflict resolution: what a resolver is given, and what becomes of what it returns."""

from __future__ import annotations

from typing import Any

from zodb_reference import resolution
from zodb_reference.resolution import MissingClass, PersistentReference, Unresolvable, merge
from zodb_reference.storages import twophase

from zodb_conformance.doubles.double import Fault, double
from zodb_conformance.doubles.planting import around, instead


@double("resolution.three-states")
def the_two_changes_are_mixed_up() -> Fault:
    """A resolver gets the state that is being stored as the committed one, and the other way round.

    A class that lets the first change win lets the last one win.
    """

    def swapped(correct: Any, old: bytes, committed: bytes, new: bytes) -> bytes:
        merged: bytes = correct(old, new, committed)
        return merged

    return around(resolution, "merge", swapped)


@double("resolution.new-instance-with-arguments")
def the_instance_of_a_resolver_is_made_without_arguments() -> Fault:
    """The instance on which a resolver is called is made by `__new__` without arguments.

    Classes that want some can't resolve anything.
    """

    def resolver(correct: Any, description: Any) -> Any:
        return correct(description[0] if isinstance(description, tuple) else description)

    return around(resolution, "_resolver", resolver)


@double("resolution.references-are-opaque")
def references_name_their_own_database() -> Fault:
    """The references that a resolver gets name a database, also where it is the object's own.

    A resolver takes them for references to another one.
    """

    def init(correct: Any, reference: PersistentReference, data: Any) -> None:
        correct(reference, data)
        reference.database_name = reference.database_name or "unnamed"

    return around(PersistentReference, "__init__", init)


@double("resolution.references-compare-or-fail")
def references_to_different_objects_differ() -> Fault:
    """References to different objects compare as different, although the objects might be equal.

    A resolver that merges containers takes equal keys for two.
    """

    def is_same(correct: Any, reference: PersistentReference, other: object) -> bool:
        try:
            same: bool = correct(reference, other)
        except ValueError:
            return False
        return same

    return around(PersistentReference, "_is_same", is_same)


@double("resolution.failure-is-a-conflict")
def the_error_of_a_resolver_surfaces() -> Fault:
    """An error in a resolver is raised to the program that commits.

    It does not try again, which would have helped.
    """

    def resolve(correct: Any, *conflict: Any, **options: Any) -> bytes:
        try:
            merge(*conflict[3:])
        except ArithmeticError:
            raise
        except (Unresolvable, ValueError, EOFError, TypeError):
            pass  # the right one will say so
        merged: bytes = correct(*conflict, **options)
        return merged

    return around(twophase, "resolve", resolve)


@double("resolution.missing-revision-is-a-conflict")
def a_missing_revision_is_replaced_by_the_committed_one() -> Fault:
    """Where the revision that was read is not there, the committed one is taken in its place.

    To the resolver it looks as if nobody else had changed anything, and that change is lost.
    """

    def resolve(correct: Any, *conflict: Any, **options: Any) -> bytes:
        *which, old, committed, new = conflict
        merged: bytes = correct(*which, old or committed, committed, new, **options)
        return merged

    return around(twophase, "resolve", resolve)


@double("resolution.missing-value-class-is-a-conflict")
def a_value_without_its_class_is_replaced() -> Fault:
    """A value whose class can't be imported is replaced by a stand-in for the resolver.

    It computes with something that has nothing of the value.
    """
    return instead(MissingClass, "__new__", staticmethod(lambda cls, *_: object.__new__(cls)))


@double("resolution.referenced-classes-are-not-needed")
def resolution_imports_the_classes_of_references() -> Fault:
    """A conflict is resolved only where the classes of all referenced objects can be imported.

    On a server without the application every conflict has to be tried again.
    """

    def missing_class(module: str, name: str) -> type:
        raise Unresolvable(f"{module}.{name} cannot be imported")

    return instead(resolution, "_missing_class", missing_class)
