"""The shorthand `connection.root.name` for `connection.root()["name"]` (CONN-7)."""

from typing import Any

from zodb_reference.errors import POSError
from zodb_reference.oids import z64


class RootConvenience:
    """Gives the items of the root mapping as attributes; called, it returns the mapping."""

    def __init__(self, connection: Any) -> None:
        self.__dict__["_connection"] = connection

    def __call__(self) -> Any:
        """Return the root mapping."""
        return self.__dict__["_connection"].get(z64)

    def __getattr__(self, name: str) -> Any:
        try:
            return self()[name]
        except KeyError:
            raise AttributeError(f"the root has no item {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self()[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self()[name]
        except KeyError:
            raise AttributeError(f"the root has no item {name!r}") from None

    def __dir__(self) -> list[str]:
        return sorted(name for name in self() if isinstance(name, str))

    def __repr__(self) -> str:
        try:
            return f"<root: {' '.join(dir(self))}>"
        except POSError as error:  # a closed connection has a root as well, for debuggers too
            return f"<root: {error}>"
