"""Tying: the lines that give names to what a script comes to know by the way."""

from __future__ import annotations

from collections.abc import Container, Iterator

from zodb_spec.operations.choices import oid_name
from zodb_spec.world import ROOT, Name, Oid, World

from zodb_conformance.bench import nobody
from zodb_conformance.results import Step


def newcomers(world: World, known: Container[str]) -> Iterator[tuple[Name, Name]]:
    """The connections that nobody has given a name by which the program knows them, each with an
    object that belongs to it.

    known: the names that the program has
    """
    for connection in world.connections:
        if connection not in known:
            for thing, found in world.objects.items():
                if found.owner.value is not None and found.owner.value[0] == connection:
                    yield connection, thing
                    break


def oids(world: World) -> Iterator[tuple[Name, Oid, str]]:
    """Every oid that an object in memory has, with its database, and the expression that gives
    it.
    """
    for database in world.databases:
        yield database, ROOT, "bytes(8)"
    for name, thing in world.objects.items():
        if thing.owner.value is not None:
            connection, oid = thing.owner.value
            yield world.connections[connection].database, oid, f"{name}._p_oid"


def ties(world: World, step: Step, known: set[str]) -> Iterator[str]:
    """The lines that tie the names which a step may use, where they are not tied yet.

    known: the names that the program has, which those are added to
    """
    for connection, thing in newcomers(world, known):
        known.add(connection)
        yield f"{connection} = {thing}._p_jar"
    for database, oid, expression in oids(world):
        name = oid_name(database, oid)
        if name not in known:
            known.add(name)
            yield f"{name} = {expression}"
    if step[0] == "get":
        name = oid_name(world.connections[step[1]].database, int(step[2]))
        if name not in known:
            yield f"{name} = {nobody(int(step[2]))!r}"
