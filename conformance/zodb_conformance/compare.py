"""Two reports, clause by clause: what became better, and what became worse."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zodb_conformance.errors import UsageError
from zodb_conformance.files import parsed
from zodb_conformance.reports.model import NOT_SELECTED, SCHEMA

Change = Literal["worse", "better", "changed", "new", "gone", "unasked", "same"]

UNSEEN = ("not-applicable", "not-reached")
"""The verdicts of clauses that were not compared with the target."""

RANKS = {"deviates": 0, "not-reached": 1, "known": 2, "holds": 3}
"""The verdicts from worst to best; one that does not apply is neither better nor worse."""


@dataclass(frozen=True)
class Difference:
    """What became of one clause; None stands for a report that does not have it.

    change  "unasked" stands for one that only one of the two runs was about
    """

    clause: str
    before: str | None
    after: str | None
    change: Change
    message: str


def read(folder: Path) -> dict[str, Any]:
    """The report in a folder, or in the file `report.json` of one.

    Raises UsageError where there is none, or one of another version.
    """
    path = folder / "report.json" if folder.is_dir() else folder
    report = parsed(path, json.loads, "a report", f"There is no report in {folder}.")
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        raise UsageError(
            f"{path} is not a report of this version of the suite (no schema {SCHEMA})."
        )
    return report


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What became of every clause that is in one of two reports, in the order of the second."""
    old, new = before["clauses"], after["clauses"]
    # What a target can do is not known where it could not be exercised.
    unknown = "unusable" in (before["verdict"], after["verdict"])
    result = []
    for clause in [*new, *(clause for clause in old if clause not in new)]:
        first = old.get(clause, {}).get("verdict")
        second = new.get(clause, {}).get("verdict")
        message = new.get(clause, {}).get("message") or ""
        unseen = unknown and first in UNSEEN and second in UNSEEN
        change = "same" if unseen else change_of(first, second)
        if change == "changed" and NOT_SELECTED in (
            old.get(clause, {}).get("message"),
            new.get(clause, {}).get("message"),
        ):
            change = "unasked"
        result.append(Difference(clause, first, second, change, message))
    return result


def change_of(before: str | None, after: str | None) -> Change:
    """What a change from one verdict to another means."""
    if before == after:
        return "same"
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if before not in RANKS or after not in RANKS:
        return "changed"
    return "better" if RANKS[after] > RANKS[before] else "worse"
