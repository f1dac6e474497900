"""What a storage is told about a transaction besides its records (TXN-13)."""

import pickle
from typing import Any

from zodb_reference.records import PROTOCOL


class TransactionMetaData:
    """User, description and extension of a transaction, as storages want them.

    `user` and `description` are given as text and kept as UTF-8. `extension` is a dictionary, kept
    in `extension_bytes` as one pickle, or as no bytes at all where it is empty; what cannot be
    pickled is refused here, before a storage has begun anything.

    The instance is also what a storage knows the transaction by.
    """

    def __init__(
        self, user: str = "", description: str = "", extension: dict[str, Any] | None = None
    ) -> None:
        self.user = user.encode()
        self.description = description.encode()
        self.extension = dict(extension or {})
        self.extension_bytes = pickle.dumps(self.extension, PROTOCOL) if self.extension else b""
        self._data: dict[int, Any] = {}

    def data(self, key: object) -> Any:
        """Return what was set for the object `key`; `KeyError` where nothing was."""
        try:
            return self._data[id(key)]
        except KeyError:
            raise KeyError(key) from None

    def set_data(self, key: object, value: Any) -> None:
        """Keep `value` for the object `key`, which is told by identity."""
        self._data[id(key)] = value
