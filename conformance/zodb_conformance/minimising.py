"""Delta debugging: the shortest part of a sequence that still fails, within a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")


@dataclass
class Limit:
    """How much work may be done.

    tries    how many tries there are
    seconds  how long it may take
    """

    tries: int = 600
    seconds: float = 20.0
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.seconds

    def spend(self) -> bool:
        """Count one try; False when there is none left."""
        self.tries -= 1
        return self.tries >= 0 and time.monotonic() < self.deadline


def minimise(
    items: Sequence[Item], fails: Callable[[tuple[Item, ...]], bool], *, again: Callable[[], bool]
) -> tuple[Item, ...]:
    """Leave out whatever the failure does not need.

    items   a sequence that fails
    fails   tries a part of it
    again   asked before every try: False where enough tries were made

    Chunks are left out from the end to the front, halved when none can go; the result is a part
    from which no single item can be left out, unless the tries ran out.
    """
    left = tuple(items)
    size = max(1, len(left) // 2)
    while True:
        shorter = False
        end = len(left)
        while end > 0:
            start = max(0, end - size)
            part = left[:start] + left[end:]
            if not again():
                return left
            if fails(part):
                left, shorter = part, True
            end = start
        if not shorter and size == 1:
            return left
        size = max(1, size // 2)
