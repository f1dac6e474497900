"""What a storage says that it can do, in the terms of who uses it.

The database above asks for interfaces, its own ones: they are those of the package whose errors
the storage was told to raise.
"""

from importlib import import_module
from types import ModuleType
from typing import Any

from zope.interface import alsoProvides


def announce(storage: Any, errors: ModuleType, *names: str) -> None:
    """Let `storage` provide these interfaces of the package that `errors` belongs to."""
    interfaces = import_module(f"{errors.__package__}.interfaces")
    alsoProvides(storage, *(getattr(interfaces, name) for name in names))
