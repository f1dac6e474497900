"""What a person sees while a run goes on: a few moving lines on a terminal, plain lines
elsewhere.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from zodb_conformance.reports.words import counted
from zodb_conformance.supervisor.nursery import Status

PLAIN_INTERVAL = 15.0
"""Seconds between two plain lines of one stage."""


class Progress(Protocol):
    """Shows how far a run is."""

    def __enter__(self) -> Progress:
        """Begin to show it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""

    def show(self, stage: str, status: Status) -> None:
        """The run is in that stage, and that far; called often."""


def progress(console: Console) -> Progress:
    """The form that suits the console."""
    return Moving(console) if console.is_terminal else Plain(console)


class Moving:
    """Lines that are written over."""

    def __init__(self, console: Console) -> None:
        self._begun = time.monotonic()
        self._spinner = Spinner("dots")
        self._live = Live(console=console, transient=True, refresh_per_second=10)

    def __enter__(self) -> Moving:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, stage: str, status: Status) -> None:
        """Draw the lines anew."""
        elapsed = int(time.monotonic() - self._begun)
        table = Table.grid(padding=(0, 1))
        self._spinner.update(
            text=Text.assemble((stage, "bold"), f"  {elapsed // 60}:{elapsed % 60:02}")
        )
        table.add_row(self._spinner)
        table.add_row(Text(f"  {told(status)}"))
        table.add_row(Text(f"  {status.check}", "dim"))
        self._live.update(table)


class Plain:
    """A line at the beginning of every stage, and one from time to time: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()
        self._stage = ""
        self._printed = 0.0

    def __enter__(self) -> Plain:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, stage: str, status: Status) -> None:
        """Print a line where it is time for one."""
        now = time.monotonic()
        if stage == self._stage and now - self._printed < PLAIN_INTERVAL:
            return
        line = f"[{now - self._begun:4.0f} s] {stage}"
        if stage == self._stage or status.scripts:
            line += f": {told(status)}"
        self._console.print(Text(line), soft_wrap=True)
        self._stage, self._printed = stage, now


def told(status: Status) -> str:
    """How far a run is, in words."""
    parts = [
        f"{status.clauses:,} of {counted(status.asked, 'clause')} reached",
        counted(status.scripts, "script"),
        counted(status.steps, "step"),
    ]
    if status.deviations:
        first = f" ({status.first} first)" if status.first else ""
        parts.append(f"{status.deviations:,} found{first}, being judged")
    return ", ".join(parts)
