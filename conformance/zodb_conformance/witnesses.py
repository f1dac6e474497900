"""A recorded failure: what `replay` runs again, and the plain script beside it.

A witness is a pair of files of one name: ``.json`` holds the target, the seed and the script;
``.py`` is Python that needs the implementation only.  The first is for the suite, the second for
the implementer.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zodb_conformance.errors import UsageError
from zodb_conformance.files import parsed, write_whole
from zodb_conformance.plan import Plan
from zodb_conformance.results import Deviation

FORMAT = "zodb-conformance witness 1"
"""What tells our files from others; the number changes with the format."""

TARGET_FIELDS = ("target", "zconfig", "uri", "database", "second", "edition")
"""The fields of a plan that say what is run, not how much of it."""


@dataclass(frozen=True)
class Witness:
    """A deviation, and the plan of the run that found it; `path` is the file it was read from."""

    plan: Plan
    deviation: Deviation
    path: Path | None = field(default=None, compare=False)

    def to_json(self) -> dict[str, Any]:
        """The witness as JSON data; the plain script is not part of it."""
        plan = {
            name: getattr(self.plan, name)
            for name in (*TARGET_FIELDS, "found", "level", "profile", "seed")
        }
        deviation = self.deviation.to_json()
        del deviation["witness"]
        return {
            "format": FORMAT,
            "message": self.deviation.message,
            "plan": plan,
            "deviation": deviation,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Witness:
        """The witness that `to_json` wrote."""
        return cls(Plan.from_json(data["plan"]), Deviation.from_json(data["deviation"]))


def read(path: Path) -> Witness:
    """The witness in a file; the name of its plain script is as good as its own.

    Raises UsageError where the file is missing or is something else.
    """
    if path.is_dir():
        inside = sorted(
            {*path.glob("*.json"), *path.glob("witnesses/*.json")} - {path / "report.json"}
        )
        which = f"name a file, such as {inside[0]}" if inside else "it holds no witness"
        raise UsageError(f"{path} is a folder: {which}.")
    path = path.with_suffix(".json")
    data = parsed(path, json.loads, "a witness", f"There is no witness {path}.")
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(
            f"{path} is not a witness of this version of the suite (no format {FORMAT!r} in it)."
        )
    try:
        return dataclasses.replace(Witness.from_json(data), path=path)
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path} is a damaged witness: {error!r}.") from error


def remembered(folder: Path, plan: Plan) -> list[Witness]:
    """The witnesses in a folder that earlier runs of the same target left there, by name.

    Files that are something else are passed over.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            witness = read(path)
        except UsageError:
            continue
        if all(getattr(witness.plan, name) == getattr(plan, name) for name in TARGET_FIELDS):
            found.append(witness)
    return found


def file_names(deviations: Iterable[Deviation], taken: Collection[str] = ()) -> list[str]:
    """A file name without extension for each deviation: the clause, with a number after the first.

    taken  names that are not to be used
    """
    names: list[str] = []
    for deviation in deviations:
        stem = deviation.clause or "no-clause"
        numbered = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(2)))
        names.append(next(name for name in numbered if name not in names and name not in taken))
    return names


def write(folder: Path, name: str, witness: Witness, *, plain: bool) -> None:
    """Write the files of a witness: the second one only where the plain script is to be given."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(witness.to_json(), indent=2) + "\n"
    write_whole(folder / f"{name}.json", text)
    if plain:
        write_whole(folder / f"{name}.py", witness.deviation.witness)
