"""The directives of the track record: what was run, what breaks a clause, and its script.

What they show comes from ``track-record/data.json``, which `tools/track_record.py` keeps up to
date.
A deviation in the data that no page tells of is a warning, and so is one that is told of and not
in the data.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

logger = logging.getLogger(__name__)

TEXT = """
.. rst-class:: clause-facts

:Clause: :clause:`{clause}`, a {level}
:Broken by: {targets}
:Its script says: {sentence}

.. raw:: html

   <details class="script"><summary>The script</summary>

.. literalinclude:: /track-record/{script}.py
   :caption: docs/track-record/{script}.py

.. raw:: html

   </details>
"""

TABLE = """
.. list-table::
   :header-rows: 1
   :widths: 20 62 18
   :class: wide

   * - Target
     - Versions
     - Clauses broken
"""


def data(source: Path) -> dict[str, Any]:
    """The committed data, of the site whose sources are in a folder."""
    found: dict[str, Any] = json.loads((source / "track-record" / "data.json").read_text("utf-8"))
    return found


def levels(known: dict[str, Any]) -> dict[str, str]:
    """The level of every clause that some target breaks."""
    return {
        clause: level
        for one in known["targets"].values()
        for clause, level in one["broken"].items()
    }


class FoundWith(SphinxDirective):
    """The targets that were run, with their versions, and how many clauses each breaks."""

    def run(self) -> list[nodes.Node]:
        """A table."""
        self.env.note_dependency("track-record/data.json")
        rows = [
            f"   * - ``{name}``\n"
            f"     - {', '.join(map(' '.join, found['packages'].items()))}\n"
            f"     - {len(found['broken'])}\n"
            for name, found in data(self.env.srcdir)["targets"].items()
        ]
        return self.parse_text_to_nodes(TABLE + "".join(rows))


class Deviation(SphinxDirective):
    """What is known of the deviation from one clause.

    The argument is the id of the clause, or the name of a script: the id, a dot, and the way in
    which it is broken.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The facts, and the script."""
        script = self.arguments[0]
        clause = ".".join(script.split(".")[:2])
        known = data(self.env.srcdir)
        self.env.note_dependency("track-record/data.json")
        if clause not in levels(known):
            logger.warning(
                "%s is told of, and not in the data", clause, location=self.get_location()
            )
            return []
        self.env.metadata[self.env.docname].setdefault("deviations", []).append(clause)
        text = TEXT.format(
            clause=clause,
            script=script,
            level=levels(known)[clause],
            targets=", ".join(
                f"``{name}``"
                for name, target in known["targets"].items()
                if clause in target["broken"]
            ),
            sentence=known["scripts"].get(script, "").replace("\\", r"\\").replace("*", r"\*"),
        )
        return self.parse_text_to_nodes(text)


def warn_of_silence(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of every deviation in the data that no page tells of."""
    told = {clause for page in env.metadata.values() for clause in page.get("deviations", ())}
    for clause in levels(data(Path(app.srcdir))):
        if clause not in told:
            logger.warning("the track record does not tell of %s", clause)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx."""
    app.add_directive("found-with", FoundWith)
    app.add_directive("deviation", Deviation)
    app.connect("env-check-consistency", warn_of_silence)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
