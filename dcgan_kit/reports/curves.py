"""Curves of training: losses, outputs of the discriminator, gradients, learning rates and speed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dcgan_kit.reports.charts import MOST_LINES, MOST_POINTS, Chart, Level, Line, drawn
from dcgan_kit.reports.content import Block, Drawings, Paragraph, Section
from dcgan_kit.reports.facts import RunFacts
from dcgan_kit.reports.metric_names import is_floor, is_reading, is_score


@dataclass(frozen=True)
class _Group:
    """Numbers that share a chart: their names in the metrics and on the page."""

    title: str
    names: tuple[tuple[str, str], ...]
    caption: str
    logarithmic: bool = False
    levels: tuple[Level, ...] = ()


_GROUPS = (
    _Group(
        "Losses",
        (("generator_loss", "generator"), ("discriminator_loss", "discriminator"), ("penalty", "penalty")),
        "What each network minimizes. Good: both stay level, within a band. A falling loss says little about samples. "
        "One that grows without limit, or falls to 0, says that one network has won.",
    ),
    _Group(
        "Discriminator’s verdict",
        (("discriminator_real", "real images"), ("discriminator_fake", "samples")),
        "Mean probability that images are real. Good: real images above samples, neither at 0 or 1. Where the lines "
        "are far apart, the discriminator wins; where they meet at 0.5, it is undecided.",
        levels=(Level("undecided", 0.5),),
    ),
    _Group(
        "Gradient norms",
        (("generator_gradient", "generator"), ("discriminator_gradient", "discriminator")),
        "Gradients of the whole batch with respect to all weights of a network. Good: steady, within one power of ten. "
        "Spikes are unsteady training; near 0, a network learns nothing.",
        logarithmic=True,
    ),
    _Group(
        "Learning rates",
        (("generator_rate", "generator"), ("discriminator_rate", "discriminator")),
        "How large steps are, as the schedule sets them. Good: what the recipe intends, such as a fall at the end.",
    ),
    _Group(
        "Images per second",
        (("images_per_second", "speed"),),
        "Real images, counting only the time of training. Good: high and level. Dips come from other programs on the "
        "machine, or from reading data.",
    ),
    _Group(
        "Augmentation",
        (("augmentation", "probability"),),
        "The probability of each change of an image. Good: well below 1. If it adapts and stays at 1, there are too "
        "few images.",
    ),
)
_OTHER = "A number that a plugin writes. Its author says what is good; a sudden change is worth a look."
MOST_OTHERS = 24
"""Most charts of numbers that this module does not know."""
_KNOWN = {name for group in _GROUPS for name, _ in group.names}


def curves(runs: Sequence[RunFacts]) -> Section:
    """Return the section of curves. One run: a chart for each group. Several runs: a chart for each number."""
    charts = list(_of_one(runs[0]) if len(runs) == 1 else _of_several(runs))
    if not charts:
        text = "There are no curves: `dcgan-kit train` writes `metrics.jsonl` every `training.log_every` steps."
        return Section("curves", "Curves", "", (Paragraph(text, "missing"),))
    blocks: list[Block] = [Drawings("", tuple(map(drawn, charts)))]
    longest = max(len(series.steps) for run in runs for series in run.metrics.series.values())
    if longest > MOST_POINTS:
        text = f"Of {longest:,} lines of metrics, {MOST_POINTS} evenly chosen ones are drawn; the others are not shown."
        blocks.append(Paragraph(text))
    if len(runs) > MOST_LINES:
        blocks.append(Paragraph(f"The first {MOST_LINES} of {len(runs)} runs are drawn; the tables have all."))
    return Section("curves", "Curves", "", tuple(blocks))


def _of_one(run: RunFacts) -> Iterator[Chart]:
    series = run.metrics.series
    for group in _GROUPS:
        # Without a penalty or an augmentation, its number in the metrics is always 0.
        lines = [
            Line(shown, series[name]) for name, shown in group.names if name in series and any(series[name].values)
        ]
        if lines:
            yield Chart(group.title, tuple(lines), group.levels, group.logarithmic, caption=group.caption)
    for name in _others([run]):
        yield Chart(name, (Line(name, series[name]),), caption=_OTHER)


def _of_several(runs: Sequence[RunFacts]) -> Iterator[Chart]:
    for group in _GROUPS:
        for name, shown in group.names:
            title = group.title if len(group.names) == 1 else f"{group.title}: {shown}"
            lines = _each_run(runs, name)
            if any(any(line.series.values) for line in lines):
                yield Chart(title, lines, group.levels, group.logarithmic, caption=group.caption)
    for name in _others(runs):
        yield Chart(name, _each_run(runs, name), caption=_OTHER)


def _each_run(runs: Sequence[RunFacts], name: str) -> tuple[Line, ...]:
    return tuple(Line(run.label, run.metrics.series[name]) for run in runs if name in run.metrics.series)


def _others(runs: Sequence[RunFacts]) -> list[str]:
    """Return the numbers that are no usual numbers of training, no scores and no readings of probes."""
    names = {name for run in runs for name in run.metrics.series}
    others = [name for name in names - _KNOWN if not (is_score(name) or is_reading(name) or is_floor(name))]
    return sorted(others)[:MOST_OTHERS]
