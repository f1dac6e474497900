"""The text of a clause and the code of a witness as HTML."""

from __future__ import annotations

import re
from functools import cache

from markupsafe import Markup, escape
from pygments import highlight  # type: ignore[import-untyped]  # ships no types
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import PythonConsoleLexer, PythonLexer  # type: ignore[import-untyped]

from zodb_conformance.reports.words import plain

LITERAL = re.compile(r"``(.+?)``|`(.+?)`|\*(\S[^*]*?)\*")
ITEM = re.compile(r"\s*[-*] ")


@cache
def text(prose: str) -> Markup:
    """A text in the plain markup of docstrings: paragraphs, lists, indented code and doctests."""
    return Markup("\n").join(_block(block) for block in re.split(r"\n\s*\n", prose.strip("\n")))


def _block(block: str) -> Markup:
    if block.startswith((" ", "\t", ">>>")) and not ITEM.match(block):
        return python(block)
    if ITEM.match(block):
        items = re.split(r"\n(?=\s*[-*] )", block)
        return Markup("<ul>{}</ul>").format(
            Markup().join(
                Markup("<li>{}</li>").format(inline(ITEM.sub("", item))) for item in items
            )
        )
    return Markup("<p>{}</p>").format(inline(block))


def inline(prose: str) -> Markup:
    """A piece of text with its literals and its emphasis."""

    def mark(found: re.Match[str]) -> str:
        literal = found[1] or found[2]
        return f"<code>{literal}</code>" if literal else f"<em>{found[3]}</em>"

    return Markup(LITERAL.sub(mark, str(escape(" ".join(prose.replace("::", ":").split())))))


def answer(words: str) -> Markup:
    """What was expected or observed: only what stands in backquotes is marked."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(plain(words)))))


def python(code: str) -> Markup:
    """Python in colours: a piece of a program, or of a session with the interpreter."""
    lexer = PythonConsoleLexer() if code.lstrip().startswith(">>>") else PythonLexer()
    lines = highlight(plain(code).strip("\n"), lexer, HtmlFormatter(nowrap=True))
    return Markup('<pre class="code">{}</pre>').format(Markup(lines.rstrip("\n")))


def python_line(code: str) -> Markup:
    """One line of Python in colours, without a block around it."""
    return Markup(highlight(plain(code), PythonLexer(), HtmlFormatter(nowrap=True)).strip("\n"))
