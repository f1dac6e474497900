"""The interfaces that the reference declares, beside the table of the specification: what either
has, the other has too.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import transaction
from zodb_conformance.plan import Plan
from zodb_conformance.targets import resolve
from zodb_spec import signatures
from zodb_spec.editions import EDITIONS, Edition
from zodb_spec.signatures import possible
from zope.interface import Attribute, providedBy
from zope.interface.interface import InterfaceClass, Method
from zope.interface.verify import verifyObject

KINDS = {
    "connection": (signatures.CONNECTION,),
    "database": (
        signatures.DATABASE,
        signatures.PACKING,
        signatures.HISTORY,
        signatures.HISTORICAL,
    ),
}
"""The tables, by the kind of object whose calls they list."""

BESIDE = {
    "connection": {"before", "cacheFullSweep", "invalidateCache", "opened"},
    "database": {
        "cacheLastGCTime",
        "classFactory",
        "invalidateCache",
        "open_then_close_db_when_connection_closes",
        "storage",
        "supportsVersions",
    },
}
"""What the reference declares and the table leaves out, since not everybody owes it."""


@pytest.fixture(params=EDITIONS, ids=lambda edition: str(edition.value))
def edition(request: pytest.FixtureRequest) -> Edition:
    found: Edition = request.param
    return found


@pytest.fixture
def things(edition: Edition, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A connection and its database, in an edition."""
    target = resolve(Plan(target="reference-memory", edition=edition.value))
    database = target.open_database(tmp_path)
    connection = database.open(transaction_manager=transaction.TransactionManager())
    yield {"connection": connection, "database": database}
    connection.close()
    database.close()


def own(thing: Any) -> list[InterfaceClass]:
    """The interfaces of the reference that a thing declares to provide."""
    return [each for each in providedBy(thing).flattened() if each.__module__ == INTERFACES]


INTERFACES = "zodb_reference.interfaces"


def declared(thing: Any) -> dict[str, Attribute]:
    """The attributes and methods that a thing declares, those of its own interfaces first."""
    found: dict[str, Attribute] = {}
    for interface in providedBy(thing).flattened():
        for name, attribute in interface.namesAndDescriptions():
            found.setdefault(name, attribute)
    return found


def signature_of(method: Method) -> inspect.Signature:
    """How a method is declared to be called."""
    told = method.getSignatureInfo()
    kinds = inspect.Parameter
    parameters = [
        kinds(name, kinds.POSITIONAL_OR_KEYWORD, default=told["optional"].get(name, kinds.empty))
        for name in told["positional"]
    ]
    if told["varargs"]:
        parameters.append(kinds(told["varargs"], kinds.VAR_POSITIONAL))
    if told["kwargs"]:
        parameters.append(kinds(told["kwargs"], kinds.VAR_KEYWORD))
    return inspect.Signature(parameters)


def wrong(thing: Any, call: str) -> str:
    """Why a call is not possible by what a thing declares; "" where it is."""
    asked = ast.parse(call, mode="eval").body
    known = declared(thing)
    if isinstance(asked, ast.Name):
        return "" if asked.id in known else f"{call}: not declared"
    assert isinstance(asked, ast.Call)
    assert isinstance(asked.func, ast.Name)
    method = known.get(asked.func.id)
    if not isinstance(method, Method):
        return f"{call}: not declared"
    named: dict[str, Any] = {str(each.arg): each.value for each in asked.keywords}
    try:
        signature_of(method).bind(*asked.args, **named)
    except TypeError as error:
        return f"{call}: {error}"
    return ""


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_interface_declares_is_there(kind: str, things: dict[str, Any]) -> None:
    interfaces = own(things[kind])
    assert interfaces
    for interface in interfaces:
        verifyObject(interface, things[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_of_the_table_is_possible_by_the_interfaces(
    kind: str, things: dict[str, Any], edition: Edition
) -> None:
    calls = [call for table in KINDS[kind] for call in possible(table, edition)]
    assert calls
    assert [why for call in calls if (why := wrong(things[kind], call))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_interfaces_declare_nothing_that_the_table_does_not_know(
    kind: str, things: dict[str, Any]
) -> None:
    # The classes of the older editions may have what came later.
    calls = {call for each in EDITIONS for table in KINDS[kind] for call in possible(table, each)}
    told = {call.partition("(")[0] for call in calls}
    names = {name for interface in own(things[kind]) for name in interface.names()}
    assert names - told - BESIDE[kind] == set()
