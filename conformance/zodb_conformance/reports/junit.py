"""`junit.xml`: a row a clause, for the CI systems that show such tables."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from zodb_conformance.reports.model import Report, Row, Told
from zodb_conformance.reports.words import calls, plain


def document(report: Report) -> str:
    """The whole document.  What fails the run is a failure, all else without a verdict is
    skipped.
    """
    failing = {
        told.finding.deviation.clause: told
        for told in reversed((*report.deviations, *report.flaky))
        if told.counts
    }
    cases = [_case(row, failing.get(row.id)) for row in report.rows]
    cases += [
        _failure("no-clause", told.name, told.message)
        for told in (*report.deviations, *report.flaky)
        if told.clause is None
    ]
    cases += [
        _failure("known", entry.clause, "this known deviation does not fail any more: remove it")
        for entry in report.stale
    ]
    cases += [
        _failure("run", f"shortfall {number}", shortfall)
        for number, shortfall in enumerate(report.shortfalls, 1)
    ]
    if report.verdict == "unusable":
        cases.append(_failure("target", plain(report.target.name), report.message, kind="error"))
    suite = ET.Element(
        "testsuite",
        name=plain(f"zodb-conformance {report.target.name}"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        time=f"{report.elapsed:.2f}",
        timestamp=report.ended_at,
    )
    suite.extend(cases)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _case(row: Row, fails: Told | None) -> ET.Element:
    if fails:
        return _failure(row.chapter, row.id, row.message or "", text=_told(row, fails))
    case = ET.Element("testcase", classname=row.chapter, name=row.id)
    if row.verdict != "holds":
        text = plain(f"{row.verdict}: {row.message}")
        ET.SubElement(case, "skipped", message=text)
    return case


def _told(row: Row, fails: Told) -> str:
    """What is shown of a failure that is opened."""
    called = [f"in {call}" for call in calls(fails.finding.output)]
    commands = [command for command in (fails.python, fails.replay) if command]
    lines = [row.summary, "", *fails.finding.deviation.trace, "", fails.message, *called, ""]
    return plain("\n".join([*lines, *commands]))


def _failure(
    classname: str, name: str, message: str, *, text: str = "", kind: str = "failure"
) -> ET.Element:
    case = ET.Element("testcase", classname=classname, name=name)
    ET.SubElement(case, kind, message=plain(message)).text = text
    return case
