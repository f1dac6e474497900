"""Tests of tables: one that looks at every line, and tells all that are wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any


def for_all(things: Collection[Any]) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """A decorator that has a test of one thing look at all of them.

    The tables have hundreds of lines and a look takes microseconds, so that a test for each line
    would be a thousand times the work. All those for which the test fails are told together, each
    by its `id`, or by itself where it is a string.
    """
    assert things, "there are no lines in the table"

    def decorate(test: Callable[[Any], None]) -> Callable[[], None]:
        def whole() -> None:
            errors = []
            for thing in things:
                try:
                    test(thing)
                except Exception as error:  # noqa: BLE001  # told below, with the others
                    error.add_note(f"It is about {getattr(thing, 'id', thing)}.")
                    errors.append(error)
            if errors:
                raise ExceptionGroup(f"{len(errors)} of {len(things)} are wrong", errors)

        whole.__name__, whole.__doc__ = test.__name__, test.__doc__
        return whole

    return decorate
