"""Publishes the specification from the clauses themselves, and lets pages refer to it.

Before Sphinx reads its sources, a page is written for every chapter and every operation, and one
for each index, into the folder `specification`. They come from the templates in `_specification`,
which hold the prose, and from `facts`, which asks the code. The roles ``clause``, ``rule`` and
``operation`` refer to what is stated there; so does a literal that is the id of a clause. What is
missing or unknown is a warning, which fails the build.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import facts
from docutils import nodes
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from zodb_conformance import quoting, suite
from zodb_conformance.commands.show import BINDS
from zodb_conformance.drivers.walker import LAWFUL
from zodb_conformance.reports.words import EDITION_TEXTS
from zodb_conformance.stories import stories
from zodb_conformance.targets import CAPABILITIES
from zodb_spec import answers, kinds, values, world
from zodb_spec.clause import Level
from zodb_spec.editions import EDITIONS
from zodb_spec.operation import all_operations, operations
from zodb_spec.protocol import world as protocol
from zodb_spec.situations import situations

logger = logging.getLogger(__name__)
KINDS = ("clause", "rule", "operation")
PAGES = ("index", "clauses", "rules", "operations", "model", "editions", "names")

SINGULAR = {
    "chapters": "chapter",
    "operations": "operation",
    "parts": "part",
    "stories": "story",
}


class Part(NamedTuple):
    """A part of the specification, with a page of its own: the name of that, and what it says."""

    name: str
    about: str
    title: str
    text: str


PARTS = (
    Part(
        "connections",
        "connection",
        "Databases and connections",
        "What databases and connections owe to programs.",
    ),
    Part(
        "storages",
        "storage",
        "The storage protocol",
        "What a storage owes to whatever stands above it, through the storage protocol alone.",
    ),
)
"""The parts in the order in which they are read."""


class Stated(SphinxDirective):
    """A section that states a clause or an operation, under the anchor ``#clause-<id>``."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The section, with the content in it."""
        name, kind = self.arguments[0], self.name.removeprefix("std:")
        anchor = f"{kind}-{name}"
        section = nodes.section(ids=[anchor], names=[anchor], classes=[f"stated-{kind}"])
        section += nodes.title(name, "", nodes.literal(name, name))
        self.state.document.note_explicit_target(section)
        self.env.domains.standard_domain.note_object(kind, name, anchor, location=section)
        section += self.parse_content_to_nodes()
        return [section]


class RuleHere(SphinxRole):
    """The place where a rule of the catalogue is listed."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """The id, with its anchor."""
        anchor = f"rule-{self.text}"
        here = nodes.inline("", "", nodes.literal(self.text, self.text), ids=[anchor])
        self.env.domains.standard_domain.note_object("rule", self.text, anchor, location=here)
        return [here], []


def heading(text: str, underline: str = "=") -> str:
    """A heading in reStructuredText."""
    return f"{text}\n{underline * len(text)}"


def escaped(text: str) -> str:
    """A text of the catalogue, in which only literals and emphasis have a meaning, in RST."""
    parts = re.split(r"(`[^`]*`|\*\w[\w -]*\*)", text)
    return "".join(
        part if number % 2 else re.sub(r"[\\*_|]", r"\\\g<0>", part)
        for number, part in enumerate(parts)
    )


def gathered(config: Any) -> dict[str, Any]:
    """Everything that the templates use."""
    clauses = suite.clauses()
    rules = facts.catalogue((facts.ROOT / config.specification_rules).read_text(encoding="utf-8"))
    covering = facts.listed(
        (rule, clause.id) for clause in clauses.values() for rule in clause.rules
    )
    for clause in clauses.values():
        for gap in facts.gaps_of_clause(clause, rules):
            logger.warning(gap)
    for gap in facts.gaps_of_catalogue(rules, covering):
        logger.warning(gap)
    samples = facts.samples(clauses)
    return {
        "answers": answers,
        "binds": BINDS,
        "capabilities": CAPABILITIES,
        "chapters": facts.chapters(clauses.values()),
        "clauses": clauses,
        "covering": covering,
        "edition_texts": EDITION_TEXTS,
        "editions": EDITIONS,
        "exercised_by": facts.listed(
            (id, name) for name, sample in samples.items() for id in sample.clauses
        ),
        "facts": facts,
        "kinds": kinds.KINDS.values(),
        "lawful": LAWFUL,
        "levels": Level,
        "names": sorted(quoting.QUOTABLE.items(), key=lambda entry: entry[0].lower()),
        "nouns": {"connection": list(facts.nouns(world)), "storage": list(facts.nouns(protocol))},
        "operations": all_operations(),
        "parts": PARTS,
        "tables": {part: operations(part) for part in ("connection", "storage")},
        "proofs": facts.listed((double.clause, double) for double in suite.doubles()),
        "rules": rules,
        "samples": samples,
        "sections": facts.listed((rule.section, rule) for rule in rules.values()),
        "situations": situations(),
        "stories": stories().values(),
        "told": facts.listed(
            (id, story)
            for story in stories().values()
            for id in dict.fromkeys(id for part in story.parts for id in part.clauses)
        ),
        "values": values.EXPRESSIONS,
    }


def write_pages(app: Sphinx) -> None:
    """Write the pages of the specification, and remove those of earlier builds that are gone."""
    templates = Environment(
        loader=FileSystemLoader(app.srcdir / "_specification"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["heading"] = heading
    templates.filters["escaped"] = escaped
    known = gathered(app.config)
    pages = {
        **{name: {} for name in PAGES},
        **{f"parts/{part.name}": {"part": part} for part in PARTS},
        **{f"chapters/{chapter.name}": {"chapter": chapter} for chapter in known["chapters"]},
        **{f"stories/{story.name}": {"story": story} for story in known["stories"]},
        **{f"operations/{name}": {"operation": found} for name, found in all_operations().items()},
    }
    folder = Path(app.srcdir, "specification")
    for path in folder.rglob("*.rst"):
        if path.relative_to(folder).with_suffix("").as_posix() not in pages:
            path.unlink()
    for name, own in pages.items():
        template = SINGULAR[name.partition("/")[0]] if "/" in name else name
        text = templates.get_template(f"{template}.rst.jinja").render(**known, **own)
        path = folder / f"{name}.rst"
        # What has not changed is not touched, so that Sphinx does not read it again.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def link_literals(_app: Sphinx, doctree: nodes.document) -> None:
    """Make every literal that is the id of a clause refer to it."""
    clauses = suite.clauses()
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        inside = literal.parent
        if name in clauses and not isinstance(inside, nodes.title | nodes.reference | pending_xref):
            reference = pending_xref(
                name, refdomain="std", reftype="clause", reftarget=name, refexplicit=False
            )
            inside.replace(literal, reference)
            reference += literal


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything with Sphinx."""
    app.add_config_value("specification_rules", "spec/rules.md", "env", str)
    for kind in KINDS:
        app.add_crossref_type(kind, kind, ref_nodeclass=nodes.literal)
    for kind in ("clause", "operation"):
        app.add_directive_to_domain("std", kind, Stated, override=True)
    app.add_role("rule-here", RuleHere())
    app.connect("builder-inited", write_pages)
    app.connect("doctree-read", link_literals)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
