"""The editions of the specification: five states of one text, oldest first."""

from __future__ import annotations

from enum import Enum
from functools import total_ordering
from typing import TypedDict


@total_ordering
class Edition(Enum):
    """A dated state of the rules.  Editions are ordered by date, the current one last.

    ``A`` is the first chapter on references across databases, ``A_PRIME`` the state that followed
    it, for one day, ``B`` the chapter that came then, ``C`` the interface with versions, ``mvcc``
    and ``synch``, and ``CURRENT`` today's rules.
    """

    A = "2005-06-10"
    A_PRIME = "2005-06-16"
    B = "2005-06-17"
    C = "2006-08-16"
    CURRENT = "current"

    def __init__(self, date: str) -> None:
        self.number = len(type(self).__members__)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Edition):
            return NotImplemented
        return self.number < other.number


EDITIONS: tuple[Edition, ...] = tuple(Edition)
CURRENT = Edition.CURRENT


class Span(TypedDict):
    """The editions in which a clause is in force, as its decorator takes them."""

    since: Edition
    until: Edition


def only(edition: Edition) -> Span:
    """The span of one edition alone: ``@example(..., **only(Edition.C))``."""
    return {"since": edition, "until": edition}
