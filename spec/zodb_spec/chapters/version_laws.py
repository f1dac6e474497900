"""Laws about versions: what follows for the trunk, and for one version from what happens in
another.
"""

from __future__ import annotations

from collections.abc import Iterator

from zodb_spec.clause import MUST, law
from zodb_spec.editions import Edition
from zodb_spec.operation import Outcome, Step
from zodb_spec.world import Database, Fact, Oid, Record, State, Stored, Tid, World

MOVES = ("version.committed", "version.aborted")
"""The clauses by which a record leaves its version."""


def versions_of(database: Database) -> set[str]:
    """The versions in which something was ever stored, and the trunk."""
    return {"", *(fact.value.version for _, _, fact in _records(database))}


def _records(database: Database) -> Iterator[tuple[Tid, Oid, Fact[Record]]]:
    for transaction in database.history:
        for oid, fact in transaction.records.items():
            yield transaction.tid, oid, fact


def _shown(database: Database, oid: Oid, version: str) -> State | None:
    found = database.revision(oid, database.last, version)
    return None if found is None else found[1].value.state


@law(
    "version.held-until-over",
    MUST,
    rules="VER-4 VER-8 VER-31",
    since=Edition.C,
    until=Edition.C,
    binds="storage",
    needs="versions",
)
def held_until_over(world: World) -> bool:
    """At any time at most one version holds an object: what a version has stored is followed by
    what the same version stores, until it is committed or given up.
    """
    for database in world.databases.values():
        holders: dict[Oid, str] = {}
        for _, oid, fact in _records(database):
            holder = holders.get(oid, "")
            if holder not in ("", fact.value.version) and fact.clause not in MOVES:
                return False
            holders[oid] = fact.value.version
    return True


@law(
    "version.apart",
    MUST,
    rules="VER-5 VER-17 VER-19",
    since=Edition.C,
    until=Edition.C,
    binds="storage",
    needs="versions",
)
def apart(before: World, step: Step, outcome: Outcome) -> bool:
    """What is stored in a version, or is given up with it, changes nothing for those who work in
    the trunk or in another version.
    """
    for name, database in before.databases.items():
        after = outcome.world.databases[name]
        for transaction in after.history[len(database.history) :]:
            for oid, fact in transaction.records.items():
                concerned = {database.holder(oid), fact.value.version} - {""}
                if fact.value.version == "" and fact.clause != "version.aborted":
                    continue  # which is for everybody
                if any(
                    _shown(database, oid, version) != _shown(after, oid, version)
                    for version in versions_of(after) - concerned
                ):
                    return False
    return True


@law(
    "version.references-lead-somewhere",
    MUST,
    rules="VER-6 VER-17 LIFE-12",
    since=Edition.C,
    until=Edition.C,
    binds="storage",
    needs="versions",
)
def references_lead_somewhere(world: World) -> bool:
    """What a version shows, or the trunk, refers to nothing that does not exist there."""
    return all(
        _shown(database, value.oid, version) is not None
        for database in world.databases.values()
        if database.versions
        for version in versions_of(database)
        for oid in database.oids()
        for value in (_shown(database, oid, version) or {}).values()
        if type(value) is Stored and not value.weak and not value.database
    )
