"""Readings and findings of probes, layer by layer."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from shlex import quote

from dcgan_kit.components.contracts.probe import PROBE_FAILED
from dcgan_kit.reports.charts import Chart, Line, drawn, number
from dcgan_kit.reports.content import Block, Drawings, Paragraph, Section, Table
from dcgan_kit.reports.facts import FoundAt, RunFacts
from dcgan_kit.reports.metric_names import is_reading
from dcgan_kit.reports.reading_captions import reading_caption
from dcgan_kit.reports.run_files import finite

LAYERS = 6
"""Most lines in one chart."""
MOST_CHARTS = 36
"""Most charts of a run."""
MOST_CONSTANT = 200
NOTHING_WRONG = "nothing wrong"
MOST_SHOWN = 3
"""Number of findings in the health line."""
_NUMBER = re.compile(r"_\d+$")
"""The end of a slot's name, if it is not the first of its kind in a block."""


def health_line(run: RunFacts) -> str:
    """Return one line about the findings since the last step at which all probes ran.

    At later steps only cheap probes ran, or probes took second readings. Those steps can miss a problem.
    """
    failures = {one.where for one in run.findings if one.disease == PROBE_FAILED}
    silent = f"; failed: {', '.join(sorted(failures))}" if failures else ""
    return f"{_found(run, bool(failures))}{silent}"


def _found(run: RunFacts, failed: bool) -> str:
    probe_steps = {step for name in _readings(run) for step in run.metrics.series[name].steps}
    if not probe_steps:
        return "unknown" if failed else "not probed"
    findings = [one for one in run.findings if one.disease != PROBE_FAILED]
    probe_steps.update(finding.step for finding in findings)
    every = finite(run.recipe.get("training.evaluation.every")) or 0
    # Without a readable recipe, the last step of all probes is unknown, so all findings count.
    last = max((step for step in probe_steps if every >= 1 and step % every == 0), default=0)
    found = {(one.disease, one.where): one for one in findings if one.step >= last}
    if not found:
        since = f" or since, up to {max(probe_steps):,}" if max(probe_steps) > last else ""
        return f"{NOTHING_WRONG} at step {last:,}{since}"
    latest = sorted(found.values(), key=lambda one: -one.step)
    text = "; ".join(f"{_text(one)} (step {one.step:,})" for one in latest[:MOST_SHOWN])
    return f"{text}; and {len(latest) - MOST_SHOWN} more" if len(latest) > MOST_SHOWN else text


def health(runs: Sequence[RunFacts]) -> Section:
    """Return the section of readings as small charts, and of findings with advice."""
    blocks: list[Block] = []
    for run in runs:
        of = f"{run.label}: " if len(runs) > 1 else ""
        diseases = {one.disease for one in run.findings}
        if not _readings(run) and PROBE_FAILED not in diseases:
            text = (
                f"{run.label} was not probed: `training.probing.probes` in the recipe names the probes of a training, "
                f"and `dcgan-kit probe {quote(str(run.path))}` probes a trained run."
            )
            blocks.append(Paragraph(text, "missing"))
            continue
        line = health_line(run)
        blocks.append(
            Paragraph(
                f"{run.label}: {line}.",
                "well" if line.startswith(NOTHING_WRONG) and PROBE_FAILED not in diseases else "ill",
            )
        )
        if run.findings:
            blocks.append(_table(f"{of}findings" if of else "Findings", run.findings))
        charts = list(_charts(run))
        if charts:
            drawings = tuple(map(drawn, charts[:MOST_CHARTS]))
            blocks.append(Drawings(f"{of}readings" if of else "Readings", drawings))
        if len(charts) > MOST_CHARTS:
            blocks.append(Paragraph(f"{MOST_CHARTS} of {len(charts)} charts; `metrics.jsonl` has all numbers."))
        constant = _constant(f"{of}readings that never changed" if of else "Readings that never changed", run)
        if constant is not None:
            blocks.append(constant)
    lead = "Each chart shows one reading of every layer. Compare it with its value at step 0, before training."
    return Section("health", "Health over time", lead if any(map(_readings, runs)) else "", tuple(blocks))


def readable(place: str) -> str:
    """``generator.stage2.1.activation_2`` → ``generator stage 2.1 activation 2``."""
    return re.sub(r"(?<=[a-z])(?=\d)", " ", re.sub(r"\.(?!\d)|_", " ", place))


def _readings(run: RunFacts) -> list[str]:
    return [name for name in run.metrics.series if is_reading(name)]


def _text(finding: FoundAt) -> str:
    # For a failed probe, the place is the name of the probe, and the text names it already.
    return (
        finding.observation if finding.disease == PROBE_FAILED else f"{readable(finding.where)}: {finding.observation}"
    )


def _table(caption: str, findings: Sequence[FoundAt]) -> Table:
    """Return a table of findings by disease and place: the first and the last step, and what to try."""
    groups: dict[tuple[str, str], list[FoundAt]] = defaultdict(list)
    for finding in findings:
        groups[finding.disease, finding.where].append(finding)
    rows = []
    for times in groups.values():
        first, last = times[0], times[-1]
        steps = f"{first.step:,}" if first.step == last.step else f"{first.step:,} to {last.step:,}, {len(times)} times"
        compared = f"{number(last.value)} ({number(last.baseline)})"
        rows.append((steps, _text(last), compared, last.advice))
    columns = ("steps", "finding, at the last step", "value (to compare)", "what to try")
    return Table(caption, columns, tuple(rows))


def _charts(run: RunFacts) -> Iterator[Chart]:
    """Yield one chart for each reading, network and slot, with a line for each block.

    Readings without a layer get their own charts.
    """
    groups: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for name in _changing(run):
        place, _, reading = name.partition("/")
        role, _, inside = place.partition(".")
        # The block of a repeated stage has a dot: ``stage2.1``.
        block, _, slot = inside.rpartition(".")
        kind = _NUMBER.sub("", slot)
        of, layer = (f"{role} {kind}", f"{block}{slot.removeprefix(kind)}") if inside else ("", role)
        groups[reading, of].append(Line(readable(layer), run.metrics.series[name]))
    for (reading, of), lines in sorted(groups.items()):
        # A chart of a single network or place also has its name in the title.
        owner = of or (lines[0].name if len(lines) == 1 else "")
        title = readable(f"{reading}: {owner}" if owner else reading)
        for start in range(0, len(lines), LAYERS):
            part = f", {start // LAYERS + 1} of {-(-len(lines) // LAYERS)}" if len(lines) > LAYERS else ""
            yield Chart(f"{title}{part}", tuple(lines[start : start + LAYERS]), caption=reading_caption(reading))


def _changing(run: RunFacts) -> list[str]:
    """Return the readings that get a chart: those that change, and their counterparts without a layer.

    For example, a reading of the data never changes, but the same reading of samples is compared with it.
    """
    readings = _readings(run)
    changing = {name for name in readings if len(set(run.metrics.series[name].values)) > 1}
    counterparts = {name.partition("/")[2] for name in changing if "." not in name.partition("/")[0]}
    return [
        name
        for name in readings
        if name in changing or ("." not in name.partition("/")[0] and name.partition("/")[2] in counterparts)
    ]


def _constant(caption: str, run: RunFacts) -> Table | None:
    """Return a table of the constant readings: the reading, its value, and the places that have it."""
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(set(_readings(run)) - set(_changing(run))):
        place, _, reading = name.partition("/")
        places[readable(reading), number(run.metrics.series[name].values[-1])].append(readable(place))
    rows = [(reading, value, ", ".join(names)) for (reading, value), names in sorted(places.items())]
    return Table(caption, ("question", "value", "where"), tuple(rows[:MOST_CONSTANT])) if rows else None
