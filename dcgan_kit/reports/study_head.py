"""The head of a study's page: what is varied, how often, how long, and with which versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from dcgan_kit.errors import counted
from dcgan_kit.reports.run_files import shown
from dcgan_kit.reports.study_facts import cut
from dcgan_kit.studies.definition import SEED, Study
from dcgan_kit.studies.results import StudyResult

MOST_VALUES = 20
MOST_OVERRIDES = 30
LONGEST_VALUE = 80
Rows = tuple[tuple[str, tuple[str, ...]], ...]


def head(study: Study, result: StudyResult, steps: Sequence[int], versions: Mapping[str, str]) -> Rows:
    """Return the rows of the head: a heading, and one or more texts.

    Args:
        study: the study.
        result: its results.
        steps: steps of each variant.
        versions: versions of packages by name.
    """
    rows: list[tuple[str, tuple[str, ...]]] = []
    if study.base is not None:
        rows.append(("Recipe", (shown(PurePath(study.base).name),)))
    rows.append(("Varied", tuple(f"{shown(axis.key)}: {_list(axis.names, MOST_VALUES)}" for axis in study.axes)))
    failed = sum(bool(run.failure) for run in result.runs)
    trained = sum(bool(run.readings) for run in result.runs)
    counts = f"{trained} of {len(result.runs):,} finished, {failed} failed, {result.missing} missing"
    rows.append(("Runs", (counts,)))
    more = tuple(f"{count} more of {shown(title)}" for title, count in [*study.more_seeds.items()][:MOST_VALUES])
    rows.append(("Seeds", (f"{result.seeds}: {SEED} is {_seeds(result.seeds)}", *more)))
    rows.append(("Steps", (_steps(steps, study),)))
    if study.overrides:
        rows.append(("All runs", tuple(cut(shown(one), LONGEST_VALUE) for one in study.overrides[:MOST_OVERRIDES])))
    if study.matched:
        rows.append(("Widths", ("adapted, so that all variants have equally many parameters",)))
    rows.append(("Threads", (f"{counted(study.threads, 'thread')} for each run",)))
    if versions:
        rows.append(("Versions", (", ".join(f"{name} {shown(version)}" for name, version in versions.items()),)))
    return tuple(rows)


def _list(values: Sequence[str], most: int) -> str:
    texts = [cut(shown(value), LONGEST_VALUE) for value in values[:most]]
    more = f" and {len(values) - most} more" if len(values) > most else ""
    return f"{' · '.join(texts)}{more}"


def _seeds(count: int) -> str:
    return "0" if count == 1 else f"0 … {count - 1}"


def _steps(steps: Sequence[int], study: Study) -> str:
    if study.untrained:
        return "0: the networks are read before training"
    if not steps:
        return "not known, because the recipes cannot be loaded"
    low, high = min(steps), max(steps)
    text = f"{low:,}" if low == high else f"{low:,} to {high:,}, by variant"
    if study.budget is None or study.budget.kind == "steps":
        return text
    return f"{text}, of a budget of {study.budget.amount:,.6g} {study.budget.kind.replace('_', '-')}"
