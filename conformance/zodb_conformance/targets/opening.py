"""Opening one database of a target after another: in this process, and in plain scripts.

The first database is on the target itself, and every further one on its second target, where it has
one.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import count
from pathlib import Path
from textwrap import indent
from typing import Any

from zodb_conformance.targets.base import Target
from zodb_conformance.targets.emptiness import opened

FOLDERS = tuple(
    f"{module}{name}()"
    for module in ("tempfile.", "")
    for name in ("TemporaryDirectory", "mkdtemp")
)
"""The calls that make a folder, in the lines of a target."""

PREFIX = "f'{len(kept_open) + 1}-'"
"""How the names of the folders begin that a script makes: with the number of the database."""


def opener(target: Target, directory: Path) -> Callable[..., Any]:
    """A function that opens one database of the target after another, each in a folder of its own
    and with the options that it is given.

    Like `opened`, it raises TargetUnusable where a database holds something.
    """
    numbers = count(1)

    def open_database(**options: Any) -> Any:
        number = next(numbers)
        own = directory / str(number)
        own.mkdir()
        chosen = target if number == 1 else target.second or target
        return opened(chosen.open_database, own, **options)

    return open_database


def definition_of_open_db(target: Target) -> str:
    """The Python that defines for a script what `opener` gives, as ``open_db(**options)``."""
    body = _body(target)
    if target.second is not None:
        body = f"if kept_open:\n{_indented(_body(target.second))}\nelse:\n{_indented(body)}"
    body = _indented(f"{body}\nkept_open.append(locals())\nreturn db")
    return f"kept_open = []\n\n\ndef open_db(**options):\n{body}\n\n"


def _indented(text: str) -> str:
    return indent(text, "    ")


def _body(target: Target) -> str:
    """The lines of a target, which give the options to what makes ``db``; they win over those that
    it gives itself.  Temporary folders are named so that they sort as they were made, like those of
    `opener`: storages often take part in a commit in the order of their paths.
    """
    tree = ast.parse("\n".join(target.lines))
    for each in ast.walk(tree):
        if isinstance(each, ast.Call) and ast.unparse(each) in FOLDERS:
            each.keywords.append(ast.keyword("prefix", ast.parse(PREFIX, mode="eval").body))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "db":
            assert isinstance(node.value, ast.Call), "the lines of a target call what makes `db`"
            node.value.keywords[:] = [ast.keyword(value=_merged(node.value.keywords))]
    return ast.unparse(tree)


def _merged(own: list[ast.keyword]) -> ast.expr:
    if not own:
        return ast.Name("options")
    keys: list[ast.expr | None] = [ast.Constant(each.arg) for each in own]
    return ast.Dict([*keys, None], [*(each.value for each in own), ast.Name("options")])
