"""`badge.json`: what the endpoint badges of shields.io read."""

from __future__ import annotations

from typing import Any

from zodb_conformance.reports.model import Overall, Report
from zodb_conformance.reports.words import counted

COLOURS: dict[Overall, str] = {
    "conforms": "brightgreen",
    "deviates": "red",
    "unusable": "lightgrey",
    "interrupted": "lightgrey",
}


def badge(report: Report) -> dict[str, Any]:
    """The badge as JSON data."""
    checked = sum(report.count(verdict) for verdict in ("holds", "deviates", "known"))
    message: str = report.verdict
    if report.verdict == "conforms":
        message = counted(report.count("holds"), "clause")
        if known := report.count("known"):
            message += f", {known} known"
    elif report.verdict == "deviates":
        message = f"{report.count('holds')} of {counted(checked, 'clause')}"
    scope = [report.plan.edition, *filter(None, [report.scope])]
    return {
        "schemaVersion": 1,
        "label": f"ZODB conformance ({', '.join(scope)})",
        "message": message,
        "color": COLOURS[report.verdict],
    }
