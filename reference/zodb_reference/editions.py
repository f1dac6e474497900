"""The editions of the specification, and what is different in each: nothing but data.

Whatever depends on the edition asks the `Rules` of its database; no other module knows a name or a
date.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto


class Reach(Enum):
    """Among which connections objects may refer to each other strongly."""

    COLLECTION = auto()  # all to databases of one collection, however they were opened (XREF-13)
    GROUP = auto()  # those of one group (XREF-12, XREF-18)


class Newness(Enum):
    """How long two databases cannot share an object that one of them has added by itself."""

    NEVER = auto()  # they can at once: it lands where it is stored first (XREF-20)
    UNTIL_SAVEPOINT = auto()  # until the next savepoint, whether it was added or reached (XREF-23)
    WHOLE_TRANSACTION = auto()  # until the transaction ends, unless add() has decided (XREF-21)


@dataclass(frozen=True)
class Rules:
    """What one edition says where the editions differ."""

    edition: str
    reach: Reach
    newness: Newness
    #: A group is opened, closed and pooled as one; otherwise each connection alone (XREF-9, 10).
    groups_stay_together: bool
    #: get_connection() opens with the manager of the connection that is asked; otherwise with that
    #: of the calling thread (XREF-8).
    groups_share_manager: bool
    #: cacheGC() and cacheMinimize() act on the whole group; otherwise on the one connection
    #: (CONN-24).
    groups_share_cache_calls: bool
    #: A weak reference to an object of another database names that database, and is refused outside
    #: of the collection; otherwise it is written as one to an object of its own (XREF-35, 36).
    weak_references_name_databases: bool
    #: InvalidObjectReference has the storing connection and the object in its arguments (XREF-52).
    refusals_name_culprits: bool
    #: Connections can be opened to a moment of the past (CONN-40).
    shows_the_past: bool
    #: Rolling back to a savepoint disowns what got its oid later; otherwise only what no savepoint
    #: has stored (SAVE-14).
    rollback_disowns: bool
    #: The storage is asked to catch up where a transaction begins, and where a connection is opened
    #: in one; otherwise where a transaction begins or ends (ISO-20, ISO-21).
    openings_sync_storage: bool
    #: What goes wrong where a state is loaded becomes a StateLoadError; otherwise the original
    #: error surfaces (LIFE-37).
    load_errors_are_wrapped: bool


_CURRENT = Rules(
    edition="current",
    reach=Reach.GROUP,
    newness=Newness.WHOLE_TRANSACTION,
    groups_stay_together=True,
    groups_share_manager=True,
    groups_share_cache_calls=True,
    weak_references_name_databases=True,
    refusals_name_culprits=True,
    shows_the_past=True,
    rollback_disowns=True,
    openings_sync_storage=True,
    load_errors_are_wrapped=True,
)
_OF_2006 = replace(
    _CURRENT,
    edition="2006-08-16",
    groups_share_cache_calls=False,
    weak_references_name_databases=False,
    refusals_name_culprits=False,
    shows_the_past=False,
    rollback_disowns=False,
    openings_sync_storage=False,
    load_errors_are_wrapped=False,
)
_OF_17_JUNE = replace(_OF_2006, edition="2005-06-17")
_OF_16_JUNE = replace(
    _OF_17_JUNE,
    edition="2005-06-16",
    newness=Newness.UNTIL_SAVEPOINT,
    groups_stay_together=False,
)
_OF_10_JUNE = replace(
    _OF_16_JUNE,
    edition="2005-06-10",
    reach=Reach.COLLECTION,
    newness=Newness.NEVER,
    groups_share_manager=False,
)

#: The rules by the names of the editions, the oldest first.
EDITIONS = {
    rules.edition: rules for rules in (_OF_10_JUNE, _OF_16_JUNE, _OF_17_JUNE, _OF_2006, _CURRENT)
}


def rules_of(edition: str) -> Rules:
    """Return the rules of an edition; `ValueError` where there is none of this name."""
    try:
        return EDITIONS[edition]
    except KeyError:
        raise ValueError(f"edition {edition!r} is none of {', '.join(EDITIONS)}") from None
