"""Wide tables on narrow screens: their cells stand one below the other, so short ones get a label.

A cell such as "13" or "step" says nothing without its column's heading, which is far away there.
The labels are in every page, and the style sheet shows them only where cells are stacked.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SHORT = 40
"""Cells of more characters explain themselves."""


def label(_app: Sphinx, page: nodes.document) -> None:
    """Put the heading of its column before every short cell of a wide table, but the first one."""
    for table in page.findall(nodes.table):
        if "wide" not in table["classes"]:
            continue
        headings = [cell.astext() for head in table.findall(nodes.thead) for cell in head[0]]
        for row in (row for body in table.findall(nodes.tbody) for row in body):
            for heading, cell in list(zip(headings, row, strict=False))[1:]:
                first = next(iter(cell), None)
                if isinstance(first, nodes.paragraph) and len(cell.astext()) <= SHORT:
                    first.insert(0, nodes.inline("", f"{heading}: ", classes=["cell-label"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the labels with Sphinx."""
    app.connect("doctree-read", label)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
