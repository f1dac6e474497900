"""What a connection shows, for life: the present, a version, or one moment of the past."""

from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """The kinds of views, each with pools and caches of its own size."""

    CURRENT = auto()
    HISTORICAL = auto()
    VERSION = auto()


@dataclass(frozen=True)
class View:
    """What one connection shows, which is also what it is pooled by.

    `version` is the name of a version, "" for the trunk. `before` is None, or the tid before which
    everything is shown, for good.
    """

    version: str = ""
    before: bytes | None = None

    @property
    def kind(self) -> Kind:
        """The kind of the view."""
        if self.before is not None:
            return Kind.HISTORICAL
        return Kind.VERSION if self.version else Kind.CURRENT


#: The newest state of the trunk, at each boundary anew.
CURRENT = View()
