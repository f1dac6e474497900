"""`report.html`: one file, which needs nothing but a browser."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from zodb_conformance.reports import prose
from zodb_conformance.reports.model import VERDICTS, Report, Verdict
from zodb_conformance.reports.words import (
    borne_out,
    calls,
    counted,
    edition,
    excused,
    headline,
    how_long,
    repeated,
    through_connections,
)

ORDER: tuple[Verdict, ...] = ("deviates", "known", "not-reached", "holds", "not-applicable")
"""The verdicts in the order in which a reader wants to see them."""


def page(report: Report) -> str:
    """The whole page."""
    environment = Environment(
        loader=PackageLoader("zodb_conformance.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        prose=prose.text,
        inline=prose.inline,
        answer=prose.answer,
        python=prose.python,
        python_line=prose.python_line,
    )

    def inlined(name: str) -> Markup:
        # Our own files: what makes the page one file.
        return Markup(environment.get_template(name).render())

    return environment.get_template("report.html").render(
        report=report,
        headline=headline(report),
        counts={verdict: report.count(verdict) for verdict in ORDER},
        counted=counted,
        edition=edition(report),
        borne_out=borne_out,
        excused=excused,
        calls=lambda told: calls(told.finding.output),
        repeated=repeated,
        through_connections=through_connections,
        elapsed=how_long(report.elapsed),
        meanings=VERDICTS,
        inlined=inlined,
    )
