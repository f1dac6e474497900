"""The databases of the editions of 2005, and what those of 2006 have of them."""

from typing import Any

from zodb_reference.connection_of_2005 import ConnectionOf2005
from zodb_reference.current_reads import older_snapshots_of
from zodb_reference.db import DB
from zodb_reference.views import SnapshotFactory


class DBOf2005(DB, editions=("2005-06-10", "2005-06-16", "2005-06-17")):
    """A database of one of the editions of 2005; see `DB`."""

    connection_class = ConnectionOf2005

    def close(self) -> None:
        """Close the storage (CONN-52).

        The connections stay open, over a closed storage: what they have in memory can be read, and
        nothing can be loaded or stored. The name stays taken in the collection (CONN-54). Later
        calls do nothing.
        """
        if self._closed:
            return
        self._closed = True
        try:
            self._discard([each for each in self._pool.everyone() if each.opened is None])
        finally:
            self.storage.close()

    def _snapshots_of(self, storage: Any) -> SnapshotFactory:
        return older_snapshots_of(storage)
