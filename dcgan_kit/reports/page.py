"""Facts about runs → one HTML file, which needs no network and no other file."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import count
from typing import TYPE_CHECKING, Any

from dcgan_kit.reports import comparisons, curves, health, overview, provenance, scores
from dcgan_kit.reports.comparisons import CheckpointAnalysis
from dcgan_kit.reports.content import Drawing, Section
from dcgan_kit.reports.embedded_generator import EmbeddedGenerator, generator_section
from dcgan_kit.reports.facts import RunFacts
from dcgan_kit.reports.svg import belonging
from dcgan_kit.version import __version__

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER = files("dcgan_kit.reports") / "templates"
_SCRIPTS = {"pictures": "page.js", "generator": "generator.js"}
"""The script that a block needs, by its kind."""


def page(
    runs: Sequence[RunFacts],
    analyses: Mapping[str, CheckpointAnalysis],
    generator: EmbeddedGenerator | None = None,
) -> str:
    """Return the report of one run, or of several side by side.

    Args:
        runs: at least one run; all labels differ.
        analyses: the analysis of each run's checkpoint, by label; runs without an analysis are missing.
        generator: the generator of the run, for readers to sample; None to leave it out.
    """
    runs = [replace(run, better=analyses[run.label].better) if run.label in analyses else run for run in runs]
    names = ", ".join(run.label for run in runs)
    return rendered(
        "page.html",
        _sections(runs, analyses, generator),
        title=f"{names}: report of {'a run' if len(runs) == 1 else f'{len(runs)} runs'}",
        kind="Runs side by side" if len(runs) > 1 else "Report of a run",
        names=names,
    )


def rendered(template: str, sections: Sequence[Section], *, title: str, kind: str, names: str, **more: Any) -> str:
    """Return a page of sections.

    Args:
        template: its template.
        sections: the sections, in order.
        title: the title of the window.
        kind: what the page is about, above its heading.
        names: the heading.
        more: what else the template shows.
    """
    from markupsafe import Markup

    numbers = count(1)
    kinds = {block.kind for section in sections for block in section.blocks}
    scripts = {name: _text(name) for kind, name in _SCRIPTS.items() if kind in kinds}

    def svg(drawing: Drawing) -> Markup:
        # ``belonging`` parses and rewrites the markup of Matplotlib, which escapes its texts.
        return Markup(belonging(drawing.source, f"chart-{next(numbers)}", drawing.title, drawing.description))

    return (
        _templates()
        .get_template(template)
        .render(
            title=title,
            kind=kind,
            names=names,
            version=__version__,
            style=Markup("".join(_text(name) for name in ("colours.css", "page.css"))),
            scripts={name: Markup(script) for name, script in scripts.items()},
            policy=Markup(_allowed(scripts)),
            license=_text("onnxruntime_web_license.txt"),
            sections=sections,
            svg=svg,
            **more,
        )
    )


def _allowed(scripts: Mapping[str, str]) -> str:
    """Return the sources for ``script-src`` of a page's policy: these scripts as they are, and no others.

    The script of the generator starts a module out of the page, by a ``blob:`` address, and its WebAssembly.
    """
    sums = [b64encode(sha256(script.encode()).digest()).decode() for script in scripts.values()]
    allowed = [f"'sha256-{one}'" for one in sums]
    if _SCRIPTS["generator"] in scripts:
        allowed += ["blob:", "'wasm-unsafe-eval'"]
    return " ".join(allowed) or "'none'"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _sections(
    runs: Sequence[RunFacts], analyses: Mapping[str, CheckpointAnalysis], generator: EmbeddedGenerator | None
) -> tuple[Section, ...]:
    return (
        overview.summary(runs),
        overview.timeline(runs, analyses),
        *(() if generator is None else (generator_section(generator),)),
        curves.curves(runs),
        scores.over_time(runs),
        health.health(runs),
        comparisons.spectra(runs, analyses),
        comparisons.overlaps(runs, analyses),
        comparisons.neighbours(runs, analyses),
        scores.evaluation(runs),
        provenance.recipe(runs),
        provenance.environment(runs),
    )


def code(text: str) -> str:
    """Return a text with the parts between backticks as ``<code>``; all text is escaped."""
    from markupsafe import Markup, escape

    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup().join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = code
    return environment
