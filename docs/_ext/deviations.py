"""The directives of the track record: what was run, what breaks a clause, and its script.

What they show comes from ``track-record/data``, which `tools/track_record.py` keeps up to date. A
deviation in the data that no page tells of is a warning, and so is one that is told of and not in
the data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.rst import escape

logger = logging.getLogger(__name__)

TEXT = """
.. rst-class:: clause-facts

:{noun}: {clauses}
:Broken by: {targets}
{says}
"""

SCRIPT = """
.. raw:: html

   <details class="script"><summary>The script</summary>

.. literalinclude:: /track-record/scripts/{script}.py
   :caption: docs/track-record/scripts/{script}.py

.. raw:: html

   </details>
"""

TABLE = """
.. list-table::
   :header-rows: 1
   :widths: 22 42 12 12 12
   :class: wide

   * - Target
     - Versions
     - Clauses checked
     - MUST broken
     - SHOULD broken
"""


def targets(source: Path) -> dict[str, Any]:
    """The committed data of every target, by its name, of the site whose sources are in a folder;
    those that break the fewest clauses come first.
    """
    found = {
        path.stem: json.loads(path.read_text("utf-8"))
        for path in sorted((source / "track-record" / "data").glob("*.json"))
        if path.stem != "scripts"
    }
    return dict(sorted(found.items(), key=lambda item: len(item[1]["broken"])))


def sentences(source: Path) -> dict[str, str]:
    """What each script says, by its name."""
    path = source / "track-record" / "data" / "scripts.json"
    found: dict[str, str] = json.loads(path.read_text("utf-8"))
    return found


class FoundWith(SphinxDirective):
    """The targets that a page is about, with their versions, and how many clauses each breaks.

    The arguments are their names; without any it is about all of them.
    """

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """A table."""
        known = targets(self.env.srcdir)
        asked = self.arguments[0].split() if self.arguments else list(known)
        for name in set(asked) - known.keys():
            logger.warning("there is no record of %s", name, location=self.get_location())
        self.env.metadata[self.env.docname]["about"] = [name for name in known if name in asked]
        rows = [row(name, found) for name, found in known.items() if name in asked]
        return self.parse_text_to_nodes(TABLE + "".join(rows))


def row(name: str, found: dict[str, Any]) -> str:
    """The row of a target in the table."""
    levels = list(found["broken"].values())
    return (
        f"   * - ``{name}``\n"
        f"     - {', '.join(map(' '.join, found['packages'].items()))}\n"
        f"     - {found['checked']:,}\n"
        f"     - {levels.count('MUST')}\n"
        f"     - {levels.count('SHOULD')}\n"
    )


class Deviation(SphinxDirective):
    """What is known of the deviation from one clause, or from several for the same cause.

    The first argument is the id of a clause, or the name of a script: the id, a dot, and the way in
    which it is broken. The others are the ids of clauses that are broken by it as well, and that
    its script stands for. Of the targets that the page is about, those are told of that break one
    of them.
    """

    required_arguments = 1
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"targets": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """The facts, and the script."""
        script, *others = " ".join(self.arguments).split()
        clauses = [".".join(script.split(".")[:2]), *others]
        page = self.env.metadata[self.env.docname]
        if "about" not in page:
            raise self.error("say with `found-with` first which targets the page is about")
        about = self.options["targets"].split() if "targets" in self.options else page["about"]
        known = targets(self.env.srcdir)
        levels = {id: level for name in about for id, level in known[name]["broken"].items()}
        for clause in clauses:
            if clause not in levels:
                logger.warning(
                    "%s is told of, and not in the data", clause, location=self.get_location()
                )
        told = [
            (clause, name)
            for name in about
            for clause in clauses
            if clause in known[name]["broken"]
        ]
        page.setdefault("deviations", []).extend(told)
        said = escape(sentences(self.env.srcdir).get(script, ""))
        text = TEXT.format(
            noun="Clauses" if others else "Clause",
            clauses=", ".join(
                f":clause:`{clause}`, a {levels.get(clause, 'MUST')}" for clause in clauses
            ),
            targets=listed(dict.fromkeys(name for _, name in told), known),
            says=f":Its script says: {said}",
        )
        return self.parse_text_to_nodes(text + SCRIPT.format(script=script))


def listed(names: Iterable[str], known: Iterable[str]) -> str:
    """The names of targets, in a sentence."""
    found = [f"``{name}``" for name in names]
    return ", ".join(found) if len(found) < len(list(known)) else "all targets"


def warn_of_silence(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of every deviation in the data that no page tells of."""
    told = {pair for page in env.metadata.values() for pair in page.get("deviations", ())}
    for name, found in targets(Path(app.srcdir)).items():
        for clause in found["broken"]:
            if (clause, name) not in told:
                logger.warning("the track record does not tell that %s breaks %s", name, clause)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx."""
    app.add_directive("found-with", FoundWith)
    app.add_directive("deviation", Deviation)
    app.connect("env-check-consistency", warn_of_silence)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
