"""What a child learnt, as JSON lines: written at once, so that whatever kills the child leaves
them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class Journal:
    """The writing end: one line an event, handed to the operating system before `write` returns."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(self, event: str, **content: Any) -> None:
        """Append an event called `event`; `content` must be JSON data."""
        line = json.dumps({"event": event, **content}).encode() + b"\n"
        while line:
            line = line[os.write(self._file, line) :]


def read(path: Path) -> list[Event]:
    """All events of a journal; a last line that its writer did not live to finish is left out."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]
