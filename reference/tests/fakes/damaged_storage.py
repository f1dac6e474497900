"""A storage that fails."""

from zodb_reference import errors
from zodb_reference.storages import MemoryStorage


class Damaged(MemoryStorage):
    """A storage that stores nothing."""

    closed = False

    def store(self, *args):
        raise errors.StorageError("damaged")

    def close(self):
        self.closed = True
        super().close()
