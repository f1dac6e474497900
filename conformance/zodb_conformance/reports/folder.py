"""The report folder: everything in it is ours only where we wrote it."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from zodb_conformance import witnesses
from zodb_conformance.errors import UsageError
from zodb_conformance.files import write_whole
from zodb_conformance.reports import html, junit
from zodb_conformance.reports.badge import badge
from zodb_conformance.reports.model import Report
from zodb_conformance.witnesses import Witness

FILES = ("report.json", "report.html", "junit.xml", "badge.json")
"""The forms of a report that are files."""


def prepare(folder: Path) -> None:
    """Make the folder, before the work is done that it is for.

    Raises UsageError where it can not be written.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"--report {folder} is a file; name a folder.")
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".zodb-conformance"
        probe.touch()
        probe.unlink()
        for name in (*FILES, "witnesses"):
            there = folder / name
            if there.exists() and there.is_dir() != (name == "witnesses"):
                kind = "a folder" if there.is_dir() else "a file"
                raise UsageError(f"--report {folder}: {there} is {kind}; move it away.")
    except OSError as error:
        raise UsageError(f"--report {folder} can not be written: {error.strerror}.") from error


def taken(folder: Path, going: Collection[Path]) -> set[str]:
    """The names of witnesses in the folder that stay.

    going  the files that `write` removes
    """
    gone = {path.resolve() for path in going}
    found = (folder / "witnesses").glob("*")
    return {path.stem for path in found if path.with_suffix(".json").resolve() not in gone}


def write(report: Report, going: Collection[Path] = ()) -> None:
    """Write every form of the report, and the witnesses, each file whole or not at all.

    going  recorded failures of earlier runs that this run judged: they go, with their plain scripts
    """
    folder = report.folder
    for path in going:
        path.unlink(missing_ok=True)
        path.with_suffix(".py").unlink(missing_ok=True)
    for told in (*report.deviations, *report.flaky):
        witness = Witness(report.plan, told.finding.deviation)
        witnesses.write(
            folder / "witnesses", told.name, witness, plain=told.script_file is not None
        )
    write_whole(folder / "report.json", _json(report.to_json()))
    write_whole(folder / "report.html", html.page(report))
    write_whole(folder / "junit.xml", junit.document(report))
    write_whole(folder / "badge.json", _json(badge(report)))


def _json(data: object) -> str:
    return json.dumps(data, indent=2) + "\n"
