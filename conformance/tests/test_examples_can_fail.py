"""Every example of the specification notices a fault of ZODB, planted for that purpose.

A clause that ZODB itself does not obey needs no fault.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ZODB", reason="the faults are planted in ZODB")

import zodb_spec.contents  # noqa: F401  # states all clauses
from example_faults import FAULTS
from zodb_conformance.examples import run_example
from zodb_conformance.targets import zodb
from zodb_spec.clause import clauses


def names() -> list[str]:
    return [clause.id for clause in clauses().values() if clause.kind == "example"]


@pytest.mark.parametrize("clause", names())
def test_an_example_notices_a_fault(clause: str, tmp_path: Path) -> None:
    target = zodb.demo()

    def open_database(**options: Any) -> Any:
        return target.open_database(tmp_path, **options)

    with FAULTS[clause]():
        found = run_example(clauses()[clause], open_database, lambda: target.lines, target.extras)
    assert found is not None
    assert found.clause == clause
