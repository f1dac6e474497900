"""Showing: what was seen, in words that are the same in every run."""

from __future__ import annotations

import re
from typing import Any

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def without_addresses(text: str) -> str:
    """A text without the addresses of objects, which differ from run to run."""
    return ADDRESS.sub("", text)


def short(value: Any, most: int = 80) -> str:
    """A value in words, cut where it is long; whatever its `repr` does."""
    try:
        text = without_addresses(repr(value))
    except Exception as error:  # noqa: BLE001  # a value that can't show itself is shown as such
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= most else f"{text[: most - 1]}…"
