"""What several subcommands print alike."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text


def pairs(entries: Iterable[tuple[str, str]], style: str) -> Table:
    """Names, in a style of their own, and what there is to say of each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style=style, no_wrap=True)
    table.add_column()
    for name, meaning in entries:
        table.add_row(name, Text(meaning))
    return table
