"""Showing: what was seen, in words that are the same in every run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

ENDING = "SystemExit"
"""The error that ends a process, and that no program takes for one where it catches all others."""

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def without_addresses(text: str) -> str:
    """A text without the addresses of objects, which differ from run to run."""
    return ADDRESS.sub("", text)


def caught_by(observed: str) -> str:
    """What a script catches to tell of the error that was observed, if one was."""
    is_ending = re.search(rf"\brais(es|ed) {ENDING}\(", observed)
    return ENDING if is_ending else "Exception"


def short(value: Any, most: int = 80) -> str:
    """A value in words, cut where it is long; whatever its `repr` does."""
    try:
        text = without_addresses(repr(value))
    except Exception as error:  # noqa: BLE001  # a value that can't show itself is shown as such
        text = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= most else f"{text[: most - 1]}…"


BEFORE = 12
"""How many signs are shown before the first in which a long text differs from another."""


def apart(texts: Sequence[str], most: int = 40) -> list[str]:
    """Texts in words, cut where they are long, so that it is seen in what they differ: of one that
    begins like another, the beginning is left out.
    """
    alike = {text: max(_alike(text, other) for other in texts) for text in texts}
    starts = {text: place - BEFORE if place > most // 2 else 0 for text, place in alike.items()}
    return [f"{'…' if starts[text] else ''}{short(text[starts[text] :], most)}" for text in texts]


def _alike(one: str, other: str) -> int:
    """Up to which place two texts are alike that are not the same."""
    if one == other:
        return 0
    pairs = zip(one, other, strict=False)
    return next(
        (place for place, (here, there) in enumerate(pairs) if here != there),
        min(len(one), len(other)),
    )
