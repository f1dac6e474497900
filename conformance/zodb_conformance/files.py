"""Files that a person names: read, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zodb_conformance.errors import UsageError


def parsed(path: Path, parse: Callable[[str], Any], kind: str, missing: str) -> Any:
    """What a file says.

    parse    takes its text apart, and raises ValueError where that can not be done
    kind     what it is taken for, in words
    missing  what to say where there is no such file

    Raises UsageError where it is missing, or can not be read.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(missing) from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} can not be read as {kind}: {error}.") from error
