"""What a child is asked to do, and the folder in which it and its supervisor meet."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zodb_conformance.plan import Plan
from zodb_conformance.results import Step

RUNNER = "zodb_conformance.runner"
"""The module that knows checks and targets; a child imports it, the supervisor does not."""

Mode = Literal["smoke", "try", "checks", "replay", "judge", "render"]


@dataclass(frozen=True)
class Request:
    """One child's work.

    mode     smoke   say what the target is and which checks there are, and do the first of them
             try     find out by trying what the target has no way to say, and say then what the
                     target is and which checks there are
             checks  do the checks of the plan
             replay  do one script again; without a script, the check called `check` for the
                     clause `clause`
             judge   do several scripts, and say of each which clause it shows to be broken
             render  tell the script as Python, without touching the target
    clauses  the ids of all clauses, in the order of the counters on the board
    runner   the module that does it
    scripts  those to judge
    """

    mode: Mode
    plan: Plan
    clauses: tuple[str, ...]
    script: tuple[Step, ...] = ()
    check: str = ""
    clause: str = ""
    scripts: tuple[tuple[Step, ...], ...] = ()
    runner: str = RUNNER

    def to_json(self) -> dict[str, Any]:
        """The request as JSON data."""
        return dict(vars(self), plan=self.plan.to_json())

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Request:
        """The request that `to_json` wrote."""
        lists = {
            "clauses": tuple(data["clauses"]),
            "script": tuple(map(tuple, data["script"])),
            "scripts": tuple(tuple(map(tuple, script)) for script in data["scripts"]),
        }
        return cls(**{**data, **lists, "plan": Plan.from_json(data["plan"])})


@dataclass(frozen=True)
class Meeting:
    """The private folder of one child."""

    folder: Path

    @property
    def request(self) -> Path:
        """What the child is asked to do."""
        return self.folder / "request.json"

    @property
    def board(self) -> Path:
        """What it is doing."""
        return self.folder / "board"

    @property
    def journal(self) -> Path:
        """What it learnt."""
        return self.folder / "journal"

    @property
    def output(self) -> Path:
        """What it and the target printed."""
        return self.folder / "output"

    @property
    def temporary(self) -> Path:
        """Where it and the target put temporary files."""
        return self.folder / "tmp"

    def ask(self, request: Request) -> None:
        """Leave the request for the child."""
        self.request.write_text(json.dumps(request.to_json()))

    def asked(self) -> Request:
        """The request that was left."""
        return Request.from_json(json.loads(self.request.read_text()))
