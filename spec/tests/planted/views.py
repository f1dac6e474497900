"""Faults that concern connections that were opened otherwise than usual, and versions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zodb_spec.chapters import (
    boundaries,
    cache_invalidation,
    current_reads,
    historical,
    versions,
)
from zodb_spec.operations import endings
from zodb_spec.world import Fact, Record, World

from planted.fault import Fault, refuses_nothing

MADE = 2
"""The transaction in which the object of the small worlds was made."""


def moves_on(function: Callable[..., Any], world: World, connection: str) -> Fact[int]:
    return world.fact(world.database_of(connection).last, "fault")


def follows(function: Callable[..., Any], world: World, connection: str, why: Any) -> Fact[int]:
    moved: Fact[int] = why(world, connection)
    return moved


def keeps_what_the_version_had(
    function: Callable[..., Any], world: World, found: Fact[Record], base: int, trunk: Any
) -> Fact[Record]:
    kept: Fact[Record] = function(world, found, base, trunk)
    return kept._replace(value=kept.value._replace(state=found.value.state))


def changes_its_version(
    function: Callable[..., Any], world: World, version: str, record: Record
) -> Record:
    own: Record = function(world, version, record)
    return own if own.base == MADE else own._replace(version="blue")


def loses_what_is_new(
    function: Callable[..., Any], world: World, found: Fact[Record], base: int, destination: str
) -> Fact[Record]:
    moved: Fact[Record] = function(world, found, base, destination)
    return moved if found.value.base else moved._replace(value=moved.value._replace(state=None))


FAULTS = (
    Fault(
        "a historical connection moves on",
        endings,
        "point_of",
        follows,
        "history",
        "isolation.transaction-end-catches-up",
        "set commit commit",
    ),
    Fault(
        "a historical connection stores what was changed through it",
        historical,
        "commit_refused",
        refuses_nothing,
        "history",
        "historical.stores-nothing",
        "set commit",
    ),
    Fault(
        "a connection without synch is told of every boundary",
        boundaries,
        "missed",
        moves_on,
        "unsynchronized",
        "isolation.transaction-end-catches-up",
        "set commit commit",
    ),
    Fault(
        "a read conflict is forgotten at the commit",
        current_reads,
        "commit_refused",
        refuses_nothing,
        "current-reads",
        "current-read.conflict-bars",
        "set commit set commit",
    ),
    Fault(
        "what a version stores may come to another one",
        versions,
        "sees_own",
        changes_its_version,
        "a-version",
        "version.held-until-over",
        "set commit set commit",
    ),
    Fault(
        "a version that is given up leaves what it had in the trunk",
        versions,
        "aborted",
        keeps_what_the_version_had,
        "a-version",
        "version.apart",
        "set abort-version commit commit",
    ),
    Fault(
        "what was created in a version is lost when that is committed",
        versions,
        "committed",
        loses_what_is_new,
        "created-in-a-version",
        "version.references-lead-somewhere",
        "commit-version commit",
    ),
    Fault(
        "what a connection has changed is stored though its cache is invalid",
        cache_invalidation,
        "invalidated_refuses_commit",
        refuses_nothing,
        "invalid-caches",
        "cache.invalidated-bars",
        "invalidate-cache set commit",
    ),
)
