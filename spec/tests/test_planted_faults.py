"""Faults planted in the model are found by exploring it, each by the law that it breaks."""

from __future__ import annotations

from typing import get_args

import pytest
from planted import exchanges, one_database, pasts, several_databases, storages, views
from planted.fault import Fault, found
from zodb_spec.clause import Part
from zodb_spec.editions import EDITIONS
from zodb_spec.explore import laws

FAULTS = (
    *one_database.FAULTS,
    *exchanges.FAULTS,
    *several_databases.FAULTS,
    *views.FAULTS,
    *pasts.FAULTS,
    *storages.FAULTS,
)


@pytest.mark.once
@pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS])
def test_a_planted_fault_is_found_by_the_shortest_trace(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    violation = found(fault, monkeypatch)
    assert violation is not None
    assert (violation.law, [step[0] for step in violation.trace]) == (
        fault.law,
        fault.trace.split(),
    )


def test_every_law_is_broken_by_some_fault() -> None:
    known = {
        clause.id
        for part in get_args(Part)
        for edition in EDITIONS
        for group in laws(edition, part)
        for clause in group
    }
    assert known == {fault.law for fault in FAULTS}
