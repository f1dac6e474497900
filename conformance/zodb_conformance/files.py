"""Files that a person names: read whole or refused in a sentence, written whole or not at all."""

from __future__ import annotations

import os
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


def write_whole(path: Path, text: str) -> None:
    """Write a text, so that whatever ends this process leaves the old content or the new one.

    What UTF-8 can not say is written as an escape.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8", errors="backslashreplace")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
