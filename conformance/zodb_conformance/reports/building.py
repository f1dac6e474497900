"""From what a run found out to its report: the verdicts, and the sentences that explain them."""

from __future__ import annotations

import platform
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from zodb_spec.clause import MUST, SHOULD, Clause

from zodb_conformance import invocation, witnesses
from zodb_conformance.plan import Plan
from zodb_conformance.reports.model import (
    NOT_SELECTED,
    Capability,
    Chapter,
    Overall,
    Report,
    Row,
    Told,
    Verdict,
    not_declared,
)
from zodb_conformance.supervisor.evidence import command as plain_command
from zodb_conformance.supervisor.findings import Finding, Findings
from zodb_conformance.supervisor.repeating import leaders

EVERYBODY = ("storage", "connection", "dependency")
BINDS = {
    "storage": EVERYBODY,
    "connection": ("connection", "dependency"),
    "all": EVERYBODY,
}
"""Whom the clauses bind that a level of the suite checks.  A storage has to answer for all of them,
since programs see it through connections; what those do by themselves is excused.
"""

KINDS = ("crash", "hang", "deviation", "flaky")
"""The kinds of deviations, the worst first."""


def build(
    findings: Findings,
    clauses: Mapping[str, Clause],
    *,
    strict: bool = False,
    folder: Path,
    command: str,
    taken: Collection[str] = (),
) -> Report:
    """The report of a run.

    strict   whether a SHOULD that is broken fails the run
    folder   where the report will be written
    command  the command line that does the run again
    taken    names of witnesses in the folder that stay
    """
    learnt = findings.learnt
    reasons = {clause.id: why_not_applicable(clause, findings) for clause in clauses.values()}
    told = told_of(
        [
            item
            for item in findings.findings
            if findings.unusable or not reasons.get(item.deviation.clause)
        ],
        clauses,
        findings.plan,
        strict=strict,
        folder=folder,
        taken=taken,
    )
    rows = {
        clause.id: row_of(clause, reasons[clause.id], findings, told) for clause in clauses.values()
    }
    return Report(
        verdict=overall(findings, told),
        message=message(findings),
        plan=findings.plan,
        strict=strict,
        target=findings.target,
        python=f"{platform.python_implementation()} {platform.python_version()}, {sys.platform}",
        ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
        elapsed=findings.elapsed,
        scripts=learnt.scripts,
        steps=learnt.steps,
        chapters=chapters_of(clauses, rows),
        capabilities=capabilities_of(findings, clauses, rows),
        excused=tuple(
            row.id
            for row in rows.values()
            if row.verdict == "not-applicable" and row.message == findings.excused.get(row.id)
        ),
        deviations=tuple(entry for entry in told if not entry.finding.flaky),
        flaky=tuple(entry for entry in told if entry.finding.flaky),
        known=tuple(findings.known),
        remembered=findings.remembered,
        notes=dict(sorted(learnt.notes.items())),
        broken=() if findings.unusable else tuple(dict.fromkeys(learnt.broken)),
        output=findings.output,
        command=command,
        folder=folder,
    )


def told_of(
    found: Sequence[Finding],
    clauses: Mapping[str, Clause],
    plan: Plan,
    *,
    strict: bool,
    folder: Path,
    taken: Collection[str],
) -> list[Told]:
    """The findings as they are told, those first that fail the run, of them what a storage does by
    itself, since what is seen through connections may follow from that, of this which methods it
    lacks, and then what ends a process.
    """
    told = []
    names = witnesses.file_names((item.deviation for item in found), taken)
    for item, name in zip(found, names, strict=True):
        clause = clauses.get(item.deviation.clause)
        path = folder / "witnesses" / name
        told.append(
            Told(
                finding=item,
                clause=clause,
                counts=clause is None or counts(clause, strict),
                name=name,
                replay=invocation.command("replay", f"{path}.json"),
                python=plain_command(Path(f"{path}.py"), plan) if item.shown else "",
                origin=origin(item),
            )
        )
    order = {id: number for number, id in enumerate(clauses)}

    def key(entry: Told) -> tuple[bool, bool, bool, int, int]:
        found = entry.finding.deviation
        lacks = entry.clause is not None and entry.clause.chapter == "storage.interface"
        parts = not entry.counts, not entry.by_itself, not lacks
        return *parts, KINDS.index(found.kind), order.get(found.clause, -1)

    return with_repetitions(sorted(told, key=key))


def with_repetitions(told: Sequence[Told]) -> list[Told]:
    """The findings, those that repeat an error tied to the first that shows it."""
    standing = [entry for entry in told if not entry.finding.flaky]
    firsts = leaders([entry.finding for entry in standing])
    tied = {
        entry.name: standing[first]
        for number, (entry, first) in enumerate(zip(standing, firsts, strict=True))
        if first != number
    }
    return [
        replace(entry, repeats=tied[entry.name]) if entry.name in tied else entry for entry in told
    ]


def told_alone(item: Finding, clauses: Mapping[str, Clause]) -> Told:
    """A finding as it is told where there is no report, and no file of it but the one at hand."""
    clause = clauses.get(item.deviation.clause)
    return Told(item, clause, counts=True, name="", replay="", python="", origin=origin(item))


def counts(clause: Clause, strict: bool) -> bool:
    """Whether a clause fails the run where it is broken."""
    return clause.level is MUST or (strict and clause.level is SHOULD)


def asked(clauses: Iterable[Clause], findings: Findings) -> frozenset[str]:
    """The ids of the clauses that may come to be compared: until the smoke test has told what the
    target can do, all that the run is about.
    """
    known = bool(findings.checks)
    return frozenset(
        clause.id
        for clause in clauses
        if not (
            why_not_applicable(clause, findings) if known else why_not_asked(clause, findings.plan)
        )
    )


def why_not_applicable(clause: Clause, findings: Findings) -> str:
    """Why a clause does not bind the target or was not asked for; "" where it applies."""
    if reason := why_not_asked(clause, findings.plan):
        return reason
    if findings.unusable:
        return ""
    missing = [name for name in clause.needs if not findings.target.capabilities.get(name)]
    if missing:
        return not_declared(missing[0])
    had = [name for name in clause.without if name not in findings.target.lacking]
    if had:
        return f"it binds those who lack the capability {had[0]}"
    if clause.without and clause.id in findings.target.unsuited:
        return f"it binds those who have {clause.needs[-1]} and lack {clause.without[-1]}"
    return ""


def why_not_asked(clause: Clause, plan: Plan) -> str:
    """Why a run is not about a clause, whatever the target; "" where it is."""
    if clause.kind == "text":
        whom = "calling program" if clause.binds == "caller" else "implementation, unobservably"
        return f"text only: it binds the {whom}"
    if plan.edition not in {edition.value for edition in clause.editions}:
        return f"not part of edition {plan.edition}"
    if clause.binds not in BINDS.get(plan.level, EVERYBODY):
        return f"it binds the {clause.binds}, and the run is for the level {plan.level}"
    if not plan.wants(clause.id):
        return NOT_SELECTED
    return ""


def row_of(clause: Clause, reason: str, findings: Findings, told: Sequence[Told]) -> Row:
    """The row of one clause; `reason` is why it does not apply, where it does not."""
    checks = findings.learnt.counts[clause.id]
    entries = [entry for entry in findings.known if entry.clause == clause.id and not entry.stale]
    found = [entry for entry in told if entry.clause is clause]
    standing = [entry for entry in found if not entry.finding.flaky]
    verdict: Verdict
    text: str | None
    if reason:
        verdict, text = "not-applicable", reason
    elif standing:
        verdict, text = "deviates", standing[0].message
    elif found:
        seen = found[0].message
        verdict, text = "not-reached", f"flaky, it could not be shown again: {seen}"
    elif entries:
        verdict, text = "known", entries[0].reason
    elif clause.id in findings.excused:
        verdict, text = "not-applicable", findings.excused[clause.id]
    elif clause.id in findings.slow:
        verdict, text = "not-reached", findings.slow[clause.id]
    elif checks:
        verdict, text = "holds", None
    else:
        verdict, text = "not-reached", "nothing that was done compared it with the target"
    return Row(
        id=clause.id,
        chapter=clause.chapter,
        level=clause.level.value,
        kind=clause.kind,
        summary=clause.summary,
        text=clause.text,
        verdict=verdict,
        checks=checks,
        message=text,
        witness=(standing or found)[0].witness if found else None,
        flaky=bool(found and not standing),
    )


def overall(findings: Findings, told: Sequence[Told]) -> Overall:
    """The verdict on the whole run.  Who was seen to break a rule does not conform, once or
    always.
    """
    if findings.unusable or findings.learnt.broken:
        return "unusable"
    if findings.interrupted:
        return "interrupted"
    return "deviates" if any(entry.counts for entry in told) else "conforms"


def message(findings: Findings) -> str:
    """What is to be mended before the run says anything; "" where nothing is."""
    if findings.unusable:
        return findings.unusable
    if findings.learnt.broken:
        return (
            "The suite itself failed, which is no fault of the target: please report it, with the "
            "traceback that the report holds."
        )
    return ""


def origin(finding: Finding) -> str:
    """Where a deviation comes from and where it showed."""
    found = finding.deviation
    established = found.established_at is not None
    if established and found.noticed_at is not None:
        if found.established_at == found.noticed_at:
            return f"established and noticed at step {found.noticed_at}"
        return (
            f"established by {found.clause} at step {found.established_at}, "
            f"noticed by {found.noticed} at step {found.noticed_at}"
        )
    if found.noticed_at is not None and found.noticed:
        return f"noticed at step {found.noticed_at}: {found.noticed}"
    return ""


def chapters_of(clauses: Mapping[str, Clause], rows: Mapping[str, Row]) -> tuple[Chapter, ...]:
    """The rows by chapter, both in the order in which they are stated."""
    members: dict[str, list[str]] = {}
    for clause in clauses.values():
        members.setdefault(clause.chapter, []).append(clause.id)
    return tuple(
        Chapter(name, title_of(clauses[ids[0]]), tuple(rows[id] for id in ids))
        for name, ids in members.items()
    )


def title_of(clause: Clause) -> str:
    """The title of the chapter that states a clause: the first line of the module's text."""
    module = sys.modules.get(clause.function.__module__)
    first = ((module and module.__doc__) or clause.chapter).strip().partition("\n")[0]
    return first.rstrip(".")


def capabilities_of(
    findings: Findings, clauses: Mapping[str, Clause], rows: Mapping[str, Row]
) -> tuple[Capability, ...]:
    """Each capability with what the clauses say that need it, or, where it is not declared, those
    that bind whoever lacks it: broken, borne out, or not tested.
    """
    declared, every = findings.target.capabilities, clauses.values()
    result = []
    for name in sorted({*declared, *(name for each in every for name in each.needs)}):
        about = [
            each for each in every if name in (each.needs if declared.get(name) else each.without)
        ]
        verdicts = {rows[clause.id].verdict for clause in about}
        broken, borne_out = verdicts & {"deviates", "known"}, "holds" in verdicts
        verified = False if broken else True if borne_out else None
        unknown = name in findings.target.unknown
        result.append(Capability(name, declared.get(name, False), verified, unknown))
    return tuple(result)
