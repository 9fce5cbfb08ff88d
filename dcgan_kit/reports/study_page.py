"""The facts of a study → one HTML file, which needs no network and no other file."""

from __future__ import annotations

from dcgan_kit.errors import printable
from dcgan_kit.reports.content import Listing, Section
from dcgan_kit.reports.page import rendered
from dcgan_kit.reports.run_files import shown
from dcgan_kit.reports.study_axes import by_axis
from dcgan_kit.reports.study_cost import cost
from dcgan_kit.reports.study_curves import curves
from dcgan_kit.reports.study_facts import StudyFacts, cut
from dcgan_kit.reports.study_numbers import numbers
from dcgan_kit.reports.study_outcomes import outcomes, said
from dcgan_kit.reports.study_samples import samples

LONGEST_DESCRIPTION = 10_000
MOST_TEXT = 100_000
"""Most characters of a study file that are shown."""


def study_page(facts: StudyFacts) -> str:
    """Return the page of a study, finished or not."""
    name = shown(facts.result.name)
    return rendered(
        "study.html",
        _sections(facts),
        title=f"{name}: a study",
        kind="Study",
        names=name,
        description=cut(printable(facts.result.description), LONGEST_DESCRIPTION),
        head=facts.head,
    )


def _sections(facts: StudyFacts) -> tuple[Section, ...]:
    grouped = by_axis(facts)
    return (
        said(facts),
        numbers(facts),
        *(() if grouped is None else (grouped,)),
        cost(facts),
        *(() if facts.untrained else (samples(facts), curves(facts))),
        outcomes(facts),
        *((_file(facts.text),) if facts.text else ()),
    )


def _file(text: str) -> Section:
    lead = "`dcgan-kit study` with this text as a file repeats the study."
    return Section("file", "Study file", lead, (Listing("study.yaml", printable(text)[:MOST_TEXT]),))
