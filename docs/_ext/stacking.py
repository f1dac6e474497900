"""Wide tables on narrow screens: their cells stand one below the other, so short ones get a label.

A cell such as "13" or "step" says nothing without its column's heading, which is far away there.
The labels are in every page, and the style sheet shows them only where cells are stacked.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SHORT = 40
"""Cells of more characters explain themselves; a column is labelled where most cells are short."""


def label(_app: Sphinx, page: nodes.document) -> None:
    """Put its heading before the cells of every short column of a wide table, but the first one."""
    for table in page.findall(nodes.table):
        if "wide" not in table["classes"]:
            continue
        headings = [cell.astext() for head in table.findall(nodes.thead) for cell in head[0]]
        rows = [row for body in table.findall(nodes.tbody) for row in body]
        for heading, column in list(zip(headings, zip(*rows, strict=True), strict=False))[1:]:
            if 2 * sum(len(cell.astext()) <= SHORT for cell in column) < len(column):
                continue
            for cell in column:
                first = next(iter(cell), None)
                if isinstance(first, nodes.paragraph):
                    first.insert(0, nodes.inline("", f"{heading}: ", classes=["cell-label"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the labels with Sphinx."""
    app.connect("doctree-read", label)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
