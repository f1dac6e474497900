"""The connections of the editions of 2005, and what those of 2006 have of them."""

from collections.abc import Iterable

from zope.interface import implementer

from zodb_reference.connections import Connection
from zodb_reference.current_reads import revision_before
from zodb_reference.older_interfaces import IConnectionOf2005


@implementer(IConnectionOf2005)
class ConnectionOf2005(Connection):
    """A connection to which the database announces changes, and which stays open after it."""

    # For whoever knows of changes

    def invalidate(self, tid: bytes, oids: Iterable[bytes]) -> None:
        """Take it that the transaction `tid` has changed these objects (CONN-28).

        They are loaded again after the next boundary, which is at the next opening if the
        connection is closed. Until then the revisions from before `tid` are read. `oids` is a
        mapping with oids as keys, or a set or other iterable of them. It may be called from any
        thread. Raises `TypeError` or `ValueError` for what are no tid and oids; nothing is
        announced then.
        """
        announced = list(oids)
        for each in [tid, *announced]:
            if not isinstance(each, bytes):
                raise TypeError(f"tids and oids are eight bytes each, not {each!r}")
            if len(each) != 8:
                raise ValueError(f"tids and oids are eight bytes each, not {each!r}")
        self._announced.add(tid, announced)

    # What these consist of

    def _require_joinable(self) -> None:
        """Let objects be changed also over a closed storage; their commit will fail."""

    def _load_committed(self, oid: bytes) -> tuple[bytes, bytes]:
        record, serial = super()._load_committed(oid)
        tid = self._announced.before(oid)
        if tid is None or serial < tid:
            return record, serial
        return revision_before(self._snapshot.storage, oid, tid)
