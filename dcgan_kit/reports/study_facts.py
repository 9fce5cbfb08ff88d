"""What the page of a study shows: its results, and what its run folders add to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dcgan_kit.errors import UserError
from dcgan_kit.reports.facts import RunFacts, read_facts
from dcgan_kit.reports.metric_names import FLOOR, is_floor, is_score
from dcgan_kit.reports.run_files import Metrics, Series, shown
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.results import RunResult, StudyResult
from dcgan_kit.studies.variants import Variant
from dcgan_kit.studies.verdicts import ClaimResult

MOST_RUN_FOLDERS = 300
"""Most run folders that are read for a page."""
MOST_CURVE_POINTS = 200
"""Most steps of a curve that are read from each run."""
MOST_SCORES = 24
"""Most scores of a training whose curves are read."""
LONGEST_NAME = 100
LONGEST_AT_END = 15
"""Most characters of a name at the end of a line of a chart."""
LOSSES = ("generator_loss", "discriminator_loss", "penalty")


@dataclass(frozen=True)
class StudyFacts:
    """The facts about a study that its page shows.

    Attributes:
        result: its results.
        names: a short and unique name for each variant.
        head: what the study is: rows of a heading and one or more texts.
        text: the study file.
        runs: what the run folders hold, by variant and seed; folders that were not read are missing.
        samples: grids of new samples, uint8 (H, W, C), by variant and seed.
        layout: rows and columns of these grids.
        sampled: whether new samples were asked for.
        untrained: whether probes read the networks before training, so that there are no run folders to read.
        verdict: the verdict on the claim of the study, if it has one.
        notes: a line about each part that was left out, and why.
    """

    result: StudyResult
    names: tuple[str, ...]
    head: tuple[tuple[str, tuple[str, ...]], ...] = ()
    text: str = ""
    runs: Mapping[tuple[int, int], RunFacts] = field(default_factory=dict)
    samples: Mapping[tuple[int, int], Any] = field(default_factory=dict)
    layout: tuple[int, int] = (1, 1)
    sampled: bool = False
    untrained: bool = False
    verdict: ClaimResult | None = None
    notes: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """The name of the variant that all others are compared with."""
        return self.names[0]


def names_of(variants: Sequence[Variant]) -> tuple[str, ...]:
    """Return a unique name for each variant: its title, cut if it is long."""
    titles = [shown(variant.title) for variant in variants]
    short = [cut(title, LONGEST_NAME) for title in titles]
    return tuple(name if short.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(short, start=1))


def short_names(names: Sequence[str], most: int) -> tuple[str, ...]:
    """Return names of at most ``most`` characters (≥ 8) that stay different: cut at the end, or else in the middle."""
    if max(map(len, names), default=0) <= most:
        return tuple(names)
    half = (most - 1) // 2
    inner = [name if len(name) <= most else f"{name[: most - 1 - half]}…{name[-half:]}" for name in names]
    numbered = [cut(f"{number} {name}", most) for number, name in enumerate(names, start=1)]
    choices = ([cut(name, most) for name in names], inner)
    return tuple(next((choice for choice in choices if len(set(choice)) == len(names)), numbered))


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters; ``…`` stands for what is left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def read_runs(
    folder: StudyFolder, result: StudyResult, names: Sequence[str]
) -> tuple[dict[tuple[int, int], RunFacts], tuple[str, ...]]:
    """Read the run folders of a study: the first seeds of all variants before the second ones, at most 300 folders.

    Returns:
        What the folders hold, by variant and seed; and a line about each folder, or file, that was left out.
    """
    there = [run for run in result.runs if folder.run(run.identity).is_dir()]
    chosen = sorted(there, key=lambda run: (run.seed, run.variant))[:MOST_RUN_FOLDERS]
    notes = []
    if len(there) > len(chosen):
        notes.append(f"Curves and sample grids are those of {len(chosen)} of {len(there):,} run folders.")
    found: dict[tuple[int, int], RunFacts] = {}
    steps: dict[tuple[int, str], tuple[int, ...]] = {}
    # Runs that reached their end come first, because the first run of a variant chooses the steps of its curves.
    for run in sorted(chosen, key=lambda run: (run.variant, not run.readings, run.seed)):
        label = run_name(run, names)
        try:
            facts = read_facts(folder.run(run.identity), label)
        except (UserError, OSError) as error:
            notes.append(f"{label}: its folder cannot be read: {shown(without_folder(str(error), folder))}")
            continue
        notes.extend(f"{label}: {note}" for note in facts.notes)
        found[run.variant, run.seed] = replace(facts, metrics=_kept(facts.metrics, run.variant, steps))
    return found, tuple(notes)


def run_name(run: RunResult, names: Sequence[str]) -> str:
    """Return a name for a run: its variant and its seed."""
    return f"{names[run.variant]}, seed {run.seed}"


def without_folder(text: str, folder: StudyFolder) -> str:
    """Return a message without the path of the study, which is of no use to another reader of the page."""
    return text.replace(f"{folder.path}/", "")


def curve_names(metrics: Iterable[Metrics]) -> list[str]:
    """Return the numbers of training whose curves a page shows: losses, then scores."""
    every = dict.fromkeys(name for one in metrics for name in one.series)
    scores = sorted(name for name in every if is_score(name))[:MOST_SCORES]
    return [*(name for name in LOSSES if name in every), *scores]


def _kept(metrics: Metrics, variant: int, steps: dict[tuple[int, str], tuple[int, ...]]) -> Metrics:
    """Return only the numbers that the page draws, at the steps of the first run of the same variant."""
    names = curve_names([metrics])
    floors = [name for name in metrics.series if is_floor(name) and name.removeprefix(FLOOR) in names]
    kept = {}
    for name in (*names, *floors):
        series = metrics.series[name]
        wanted = steps.setdefault((variant, name), series.thinned(MOST_CURVE_POINTS).steps)
        values = dict(zip(series.steps, series.values, strict=True))
        both = tuple(step for step in wanted if step in values)
        if both:
            kept[name] = Series(both, tuple(values[step] for step in both))
    return replace(metrics, series=kept)
