"""ZConfig files: what is wrong with one, told with the line that is to be mended, and how the same
storage is opened read-only.
"""

from __future__ import annotations

import re

NAMED = re.compile(r"'([^']+)'")
"""A word that a message names."""


OPENED = re.compile(r"^\s*<[\w-][^>]*[^>/]>[ \t]*$", re.MULTILINE)
"""The line that opens a section."""


def read_only(text: str) -> str:
    """A configuration that opens the same storage so that nothing can be changed, where the first
    section has the option of that name.
    """
    return OPENED.sub(lambda found: f"{found[0]}\n  read-only true", text, count=1)


def wrong(path: str, text: str, error: Exception) -> str:
    """What is wrong with a configuration, in a sentence.

    path   where it lies, as the person named it
    text   what it holds
    error  what ZConfig raised: some of its errors tell the line, others name the option only
    """
    line = getattr(error, "lineno", None) or _line_of(text, str(error))
    reason = " ".join(str(getattr(error, "message", "") or error).split())
    reason = reason.removesuffix(f"(line {line})").rstrip()
    return f"{path}{f', line {line}' if line and line > 0 else ''}: {reason}"


def _line_of(text: str, message: str) -> int | None:
    """The first line that begins with a word that a message names."""
    named = {word.lower() for word in NAMED.findall(message)}
    for number, line in enumerate(text.splitlines(), 1):
        first = line.split(maxsplit=1)[:1]
        if first and first[0].lower() in named:
            return number
    return None
