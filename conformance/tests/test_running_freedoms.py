"""No alarm where an implementation uses the freedoms that the specification leaves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import zodb_spec.contents  # noqa: F401  # states all clauses
from free_databases import FREE
from free_pools import GIVEN_UP, POOLING
from zodb_conformance.checks import mixes_for
from zodb_conformance.context import Context
from zodb_conformance.drivers import walker
from zodb_conformance.drivers.search import Search
from zodb_conformance.examples import run_example
from zodb_conformance.plan import Plan
from zodb_conformance.results import Tally
from zodb_conformance.targets import resolve
from zodb_reference import DB
from zodb_spec.clause import Clause, Level, clauses
from zodb_spec.editions import CURRENT

pytestmark = pytest.mark.once

REFERENCE = resolve(Plan(target="reference-memory"))


every_kind = pytest.mark.parametrize(
    "kind", [pytest.param(kind, id=kind.__name__) for kind in (*FREE, *POOLING)]
)


def is_binding(clause: Clause) -> bool:
    """Whether everybody has to obey a clause; some of the freedoms are to disregard a SHOULD."""
    return clause.level is Level.MUST and CURRENT in clause.editions


def applies(clause: Clause) -> bool:
    """Whether a clause is held against the reference itself, and not against its plain variant."""
    return REFERENCE.suited(clause.needs, clause.without) is REFERENCE


@every_kind
def test_a_freedom_is_no_deviation(kind: type[DB]) -> None:
    target = replace(REFERENCE, open_database=lambda directory, **options: kind(**options))
    tally = Tally()
    of_databases = {n: mix for n, mix in mixes_for(target).items() if mix.part == "connection"}
    for name, mix in of_databases.items():
        search = Search(Context(Plan(seed=1), target, tally), f"walk.{name}")
        search.profile = replace(search.profile, scripts=20)
        walker.walk(search, mix)
    alarms = [found for found in tally.deviations if is_binding(clauses()[found.clause])]
    assert [(found.clause, found.message, found.trace) for found in alarms] == []
    assert tally.steps > 1000


@every_kind
def test_an_example_leaves_the_freedoms_too(kind: type[DB], tmp_path: Path) -> None:
    target = replace(REFERENCE, open_database=lambda directory, **options: kind(**options))
    given_up = GIVEN_UP.get(kind.__name__, set())
    for clause in clauses().values():
        is_free = not is_binding(clause) or clause.id in given_up
        of_databases = clause.kind == "example" and clause.part == "connection"
        if of_databases and applies(clause) and not is_free:
            directory = tmp_path / clause.id
            directory.mkdir()
            found = run_example(clause, target, directory, Tally())
            assert found is None, (found.clause, found.message, found.trace)
