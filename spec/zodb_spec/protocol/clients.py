"""Other clients of the same storage, as operations on it."""

from __future__ import annotations

from collections.abc import Sequence

from zodb_spec.chapters.storage import revisions, sharing
from zodb_spec.clause import id_of
from zodb_spec.operation import Argument, Outcome, refused
from zodb_spec.operations.choices import fresh
from zodb_spec.protocol import choices
from zodb_spec.protocol.committing import (
    declared,
    given_oid,
    number,
    oid_is_new,
    passes,
    spared,
)
from zodb_spec.protocol.reading import SECONDS, gives, seen
from zodb_spec.protocol.world import STORAGE, Name, Oid, World

Outcomes = Sequence[Outcome]
MOST_CLIENTS = 2
MOST_TOLD = 4
"""Of how many transactions it is asked at once whether a layer was told of them."""
CLIENT = Argument("handle", choices.clients)


def layer(name: Name) -> str:
    """The variable that holds what is above a handle."""
    return "layer" if name == STORAGE else f"layer{number(name)}"


@declared(
    fresh("client"),
    line=lambda world, name: (
        f"{name} = client_of({STORAGE}); {layer(name)} = Layer(); {name}.registerDB({layer(name)})"
    ),
    sensible=lambda world, name: (
        world.commit is None
        and name not in world.handles
        and len(choices.clients(world)) < MOST_CLIENTS
    ),
    needs="several-clients",
)
def open_client(world: World, name: Name) -> Outcomes:
    """Open another client."""
    return [passes(sharing.open_client(world, name), sharing.open_client)]


def _late(world: World, *before: str) -> Sequence[str]:
    """Those that may not have heard of everything."""
    return [name for name in (STORAGE, *choices.clients(world)) if world.is_behind(name)]


@declared(
    Argument("handle", _late),
    line=lambda world, name: f"caught_up({name}, {world.store.last}, {SECONDS})",
    sensible=lambda world, name: name in _late(world),
    weight=3,
    needs="several-clients",
)
def catch_up(world: World, name: Name) -> Outcomes:
    """Wait until a client tells of the last transaction."""
    return [passes(sharing.catch_up(world, name), sharing.catch_up)]


@declared(
    CLIENT,
    fresh("oid"),
    line=lambda world, name, oid: f"{oid} = {name}.new_oid()",
    sensible=lambda world, name, oid: name in choices.clients(world) and oid_is_new(world, oid),
    needs="several-clients",
)
def client_oid(world: World, name: Name, oid: Oid) -> Outcomes:
    """Have another client give a new oid."""
    return given_oid(world, oid)


@declared(
    CLIENT,
    line=lambda world, name: f"{name}.close()",
    sensible=lambda world, name: name in choices.clients(world),
    needs="several-clients",
)
def close_client(world: World, name: Name) -> Outcomes:
    """Close a client."""
    after = sharing.close_client(world, name)
    return [passes(spared(after, id_of(sharing.close_client)), sharing.close_client)]


@declared(
    Argument("handle", lambda world: [each for each in _late(world) if each != STORAGE]),
    Argument("oid", choices.oids),
    line=lambda world, name, oid: f"{seen(world)} = shown(newest({name}).load({oid}))",
    sensible=lambda world, name, oid: (
        name in choices.clients(world) and world.is_behind(name) and oid in world.store.known()
    ),
    weight=2,
    needs="several-clients",
)
def load_behind(world: World, name: Name, oid: Oid) -> Outcomes:
    """Load an object from a client that may not have heard of everything."""
    since = world.handles[name].snapshot
    assert since is not None, "it has no snapshot of its own"
    allowed: dict[str, Outcome] = {}
    for store in sharing.may_show(world.store, since):
        found = revisions.load(store, oid)
        if found is None:
            allowed[""] = refused(world, sharing.may_show)
        else:
            told = f"({found[0].shown}, {found[1]})"
            allowed[told] = gives(world, sharing.may_show, told)
    return list(allowed.values())


def _told(world: World) -> Sequence[str]:
    """Those that were told of something, and have told of it themselves."""
    return [
        name
        for name in (STORAGE, *choices.clients(world))
        if world.handles[name].told and not world.is_behind(name)
    ]


@declared(
    Argument("handle", _told),
    line=lambda world, name: (
        f"{seen(world)} = hasattr({name}, 'poll_invalidations') or told({layer(name)}, "
        + ", ".join(
            f"({tid}, ({', '.join(oids)},))" for tid, oids in world.handles[name].told[-MOST_TOLD:]
        )
        + ")"
    ),
    sensible=lambda world, name: name in _told(world),
    needs="several-clients",
)
def list_announced(world: World, name: Name) -> Outcomes:
    """Ask the layer above a client of what it was told."""
    assert sharing.is_told(world, name), "it was looked whether it is told of anything"
    return [gives(world, sharing.is_told, "True")]
