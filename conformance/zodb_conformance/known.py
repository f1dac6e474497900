"""The known-deviations file: what an implementer has decided to live with, and the evidence that
it is still so.

It is TOML, a table ``[[known]]`` for each deviation::

    [[known]]
    clause = "isolation.read-current"  # the clause that is broken
    situation = "..."   # where: a name that the clause declares; left out: everywhere
    reason = "..."      # why it stays
    witness = "kept/isolation.read-current.json"  # as `run` recorded it; relative to this file
    strict = false      # only for a race: the witness need not fail every time
    why = "..."         # why it is not strict
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zodb_spec.clause import Clause

from zodb_conformance import witnesses
from zodb_conformance.errors import UsageError
from zodb_conformance.files import parsed
from zodb_conformance.results import Deviation
from zodb_conformance.witnesses import Witness

TEXTS = ("clause", "situation", "reason", "witness", "why")
REQUIRED = ("clause", "reason", "witness")


@dataclass(frozen=True)
class Known:
    """An entry of the file, its witness read.

    path    where the witness is
    strict  whether the run fails once the witness does not fail any more
    """

    clause: str
    situation: str
    reason: str
    path: Path
    witness: Witness
    strict: bool = True

    @property
    def avoid(self) -> str:
        """What generated scripts keep away from: the situation, or else the whole clause."""
        return self.situation or self.clause

    def covers(self, deviation: Deviation) -> bool:
        """Whether a deviation is the one that this entry speaks of.

        An entry without a situation speaks of its clause everywhere.  With one, scripts keep away
        from the situation, so what still breaks the clause is another deviation, unless it is the
        recorded one itself.
        """
        if deviation.clause != self.clause:
            return False
        recorded = self.witness.deviation
        return not self.situation or (deviation.script, deviation.check) == (
            recorded.script,
            recorded.check,
        )


def load(path: Path, clauses: Mapping[str, Clause]) -> tuple[Known, ...]:
    """The entries of a known-deviations file.

    Raises UsageError, with the place of the mistake, where the file is not what it should be.
    """
    data = parsed(path, tomllib.loads, "TOML", f"There is no known-deviations file {path}.")
    tables = data.pop("known", [])
    if data or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise UsageError(
            f"{path} holds something else than tables [[known]]: {', '.join(data) or 'known'}."
        )
    return tuple(
        _entry(table, f"{path}, entry {number}", path.parent, clauses)
        for number, table in enumerate(tables, start=1)
    )


def _entry(table: dict[str, Any], place: str, folder: Path, clauses: Mapping[str, Clause]) -> Known:
    _check_form(table, place)
    clause = clauses.get(table["clause"])
    if clause is None:
        raise UsageError(
            f"{place}: there is no clause {table['clause']!r}; see `zodb-conformance list clauses`."
        )
    situation = table.get("situation", "")
    if situation and situation not in clause.situations:
        known = ", ".join(map(repr, clause.situations)) or "none"
        raise UsageError(
            f"{place}: {clause.id} declares no situation {situation!r}; it declares: {known}."
        )
    path = folder / table["witness"]
    try:
        witness = witnesses.read(path)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error
    if witness.deviation.clause != clause.id:
        raise UsageError(
            f"{place}: the witness {path} shows {witness.deviation.clause}, not {clause.id}."
        )
    return Known(clause.id, situation, table["reason"], path, witness, table.get("strict", True))


def _check_form(table: dict[str, Any], place: str) -> None:
    for key, value in table.items():
        if key not in (*TEXTS, "strict"):
            raise UsageError(
                f"{place}: nothing is called {key!r} here; allowed are {', '.join(TEXTS)}, strict."
            )
        kind: type = bool if key == "strict" else str
        if not isinstance(value, kind):
            raise UsageError(
                f"{place}: {key} must be {'true or false' if kind is bool else 'text in quotes'}."
            )
    for key in REQUIRED:
        if not table.get(key, "").strip():
            raise UsageError(f"{place}: {key} is missing.")
    if not table.get("strict", True) and not table.get("why", "").strip():
        raise UsageError(f"{place}: strict = false needs a line `why = ...`.")
