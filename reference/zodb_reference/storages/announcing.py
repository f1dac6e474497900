"""What a storage says that it can do, in the terms of who uses it.

The database above asks for interfaces, its own ones: they are those of the package whose errors
the storage was told to raise.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

from zope.interface import alsoProvides, providedBy


def announce(storage: Any, errors: ModuleType, *names: str) -> None:
    """Let `storage` provide these interfaces of the package that `errors` belongs to."""
    interfaces = import_module(f"{errors.__package__}.interfaces")
    alsoProvides(storage, *(getattr(interfaces, name) for name in names))


def keeps_blobs(storage: Any) -> bool:
    """Tell whether a storage, of whatever package, says that it keeps the contents of blobs."""
    return "IBlobStorage" in {each.__name__ for each in providedBy(storage).flattened()}
