"""Savepoints of a connection: what it has changed is kept aside, and can be brought back."""

import logging
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from transaction.interfaces import IDataManagerSavepoint
from zope.interface import implementer

from zodb_reference.identity import IdentityMap
from zodb_reference.scratch import Scratch
from zodb_reference.storing import Storing

logger = logging.getLogger(__name__)


class Saving(Storing):
    """The making of one savepoint."""

    def __init__(
        self, connection: Any, objects: IdentityMap, registered: list[Any], scratch: Scratch
    ) -> None:
        super().__init__(connection, objects, registered)
        self._scratch = scratch

    def put(self, oid: bytes, serial: bytes, record: bytes, content: Path | None = None) -> None:
        """Keep a record in the scratch file."""
        if content is not None:
            self._connection.require_blobs()
        self._scratch.store(oid, serial, record, content)

    def finish(self) -> None:
        """Let what was saved be emptied, since it can be loaded again (SAVE-10)."""
        self._objects.keep(self.written, self.sizes)
        for blob in self.blobs:
            blob.drop_draft()


@implementer(IDataManagerSavepoint)
class Savepoint:
    """A state of one connection in one transaction, to which it can go back (SAVE-1).

    `length` is that of the scratch file, and `mark` says how many objects were new by then.
    """

    def __init__(self, connection: Any, transaction: Any, length: int, mark: int) -> None:
        self.transaction = transaction
        self.length = length
        self.mark = mark
        self._connection = connection

    def rollback(self) -> None:
        """Go back to this state, as often as wanted (SAVE-2).

        Raises `InvalidSavepointRollbackError` where the transaction has ended, or has been rolled
        back to an earlier state; usually `transaction` refuses it before.
        """
        self._connection.roll_back(self)


def load_ghosts(wanted: Mapping[Any, Collection[bytes]]) -> None:
    """Load the new objects that are ghosts, and those that their states lead to (LIFE-13).

    `wanted` are the oids of new objects by the connections that own them. A state that cannot be
    loaded is logged, and its object stays a ghost.
    """
    ghosts: list[Any] = []
    for connection, oids in wanted.items():
        ghosts += connection.objects.ghosts_among(oids)
    try:
        for connection in wanted:
            connection.objects.made = ghosts
        while ghosts:
            ghost = ghosts.pop()
            if ghost._p_oid in wanted.get(ghost._p_jar, ()):
                _load(ghost)
    finally:
        for connection in wanted:
            connection.objects.made = None


def _load(ghost: Any) -> None:
    try:
        ghost._p_activate()
    except Exception:
        logger.exception("the state of %r is lost", ghost)
