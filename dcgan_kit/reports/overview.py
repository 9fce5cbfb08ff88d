"""The first two sections: a summary of the runs, and their samples from step 0 on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from dcgan_kit.errors import counted
from dcgan_kit.reports.charts import number
from dcgan_kit.reports.comparisons import CheckpointAnalysis
from dcgan_kit.reports.content import Block, Paragraph, Picture, Pictures, Section, Table
from dcgan_kit.reports.facts import Grid, RunFacts
from dcgan_kit.reports.health import health_line
from dcgan_kit.reports.pictures import array_picture, evenly, grid_picture
from dcgan_kit.reports.run_files import Unusable, shown
from dcgan_kit.reports.scores import better_of, floor_of, score_keys, short
from dcgan_kit.runs.row_labels import row_titles

MOST_GRIDS = 12
"""Most grids of each generator of a run."""


def summary(runs: Sequence[RunFacts]) -> Section:
    """Return the summary: the recipe, the time, the quality of the samples, and the health of the networks."""
    rows = [
        ("recipe", *(shown(str(run.recipe.get("description", ""))) or "–" for run in runs)),
        ("steps", *map(_steps, runs)),
        *_row("started from", [run.start for run in runs]),
        *_row("ended early", [run.end for run in runs]),
        ("minutes of training", *(number(run.minutes and round(run.minutes, 1)) for run in runs)),
        ("images per second", *map(_speed, runs)),
        ("training images", *(_cell(run.environment.get("images")) for run in runs)),
        ("device, precision", *map(_device, runs)),
    ]
    rows += [(_heading(key, runs), *(_score(run, key) for run in runs)) for key in score_keys(runs)]
    if not score_keys(runs):
        rows += [(f"{name}, evaluated", *(_evaluated(run, name) for run in runs)) for name in _evaluated_names(runs)]
    rows.append(("health", *map(health_line, runs)))
    blocks: list[Block] = [Table("Training and results", ("", *(run.label for run in runs)), tuple(rows))]
    if not score_keys(runs) and not _evaluated_names(runs):
        blocks.append(
            Paragraph(
                "There are no scores of the samples: `training.evaluation.scores` in the recipe computes scores during "
                "training, and `dcgan-kit evaluate` computes those of a trained run.",
                "missing",
            )
        )
    blocks.extend(Paragraph(f"{run.label}: {note}", "missing") for run in runs for note in run.notes)
    return Section("summary", "Summary", "", tuple(blocks))


def timeline(runs: Sequence[RunFacts], analyses: Mapping[str, CheckpointAnalysis]) -> Section:
    """Return the section of sample grids from step 0 on. If the data were loaded, training images stand beside them."""
    blocks: list[Block] = []
    for run in runs:
        averaged = [grid for grid in run.grids if not grid.raw]
        raw = [grid for grid in run.grids if grid.raw]
        for title, grids in (("averaged generator" if raw else "", averaged), ("raw generator", raw)):
            pictures, notes = _grids(run, grids)
            if grids is averaged and run.label in analyses:
                pictures = (*pictures, *_real(run, analyses[run.label]))
            heading = ": ".join(filter(None, (run.label if len(runs) > 1 else "", title)))
            if pictures:
                blocks.append(Pictures(heading, pictures))
            blocks.extend(notes)
        if not run.grids:
            text = f"{run.label} has no sample grids; `training.sample_every` sets the steps between two of them."
            blocks.append(Paragraph(text, "missing"))
    lead = "Samples from the same latent vectors at every step; step 0 is before training."
    return Section("samples", "Samples over time", lead, tuple(blocks))


def _grids(run: RunFacts, grids: Sequence[Grid]) -> tuple[tuple[Picture, ...], list[Block]]:
    rows, columns = layout(run)
    pictures, notes = [], list[Block]()
    for grid in evenly(grids, MOST_GRIDS):
        kind = "raw samples" if grid.raw else "samples"
        try:
            alt = f"{kind} of {run.label} after {counted(grid.step, 'step')}"
            pictures.append(grid_picture(grid.path, rows, columns, alt, f"step {grid.step:,}", _row_titles(run)))
        except Unusable as reason:
            notes.append(Paragraph(f"{run.label}: {shown(str(reason))}; it is left out.", "missing"))
    if len(grids) > MOST_GRIDS:
        notes.append(
            Paragraph(f"{MOST_GRIDS} of {len(grids)} grids, evenly chosen; all are in {run.path.name}/samples.")
        )
    return tuple(pictures), notes


def _real(run: RunFacts, found: CheckpointAnalysis) -> tuple[Picture, ...]:
    if found.real is None:
        return ()
    alt = f"training images of {run.label}"
    return (array_picture(found.real, alt, "training images", *layout(run), _row_titles(run)),)


def layout(run: RunFacts) -> tuple[int, int]:
    """Return rows and columns of the sample grids of a run; 1 and 1 if its recipe does not say it."""
    layout = run.recipe.get("training.sample_grid")
    if isinstance(layout, list) and len(layout) == 2 and all(type(side) is int and 1 <= side <= 32 for side in layout):
        return layout[0], layout[1]
    return 1, 1


def _row_titles(run: RunFacts) -> tuple[str, ...]:
    """Return the class of each row of a grid; nothing if the recipe has no classes."""
    classes, names = run.recipe.get("condition.classes"), run.environment.get("class_names")
    if type(classes) is not int or classes < 1:
        return ()
    texts = [shown(name) if isinstance(name, str) else "" for name in names] if isinstance(names, list) else []
    return row_titles(layout(run)[0], classes, texts)


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if type(value) is int and abs(value) < 1e15 else shown(str(value))


def _row(title: str, texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return a row of a table, if a run has something to say in it."""
    return [(title, *(shown(text) or "–" for text in texts))] if any(texts) else []


def _steps(run: RunFacts) -> str:
    planned = run.recipe.get("training.steps")
    of = f" of {_cell(planned)}" if planned is not None else ""
    return f"{run.steps:,}{of}{', finished' if run.finished else ', not finished'}"


def _speed(run: RunFacts) -> str:
    speeds = run.metrics.series.get("images_per_second")
    return f"{number(round(median(speeds.values)))} (median)" if speeds else "–"


def _device(run: RunFacts) -> str:
    xla = "XLA" if run.environment.get("xla") is True else ""
    facts = [run.environment.get("devices"), run.environment.get("precision"), xla]
    return ", ".join(shown(str(fact)) for fact in facts if fact) or "–"


def _heading(key: str, runs: Sequence[RunFacts]) -> str:
    """Return the short name of a score, or its full name if another score of the runs has the same short name."""
    return short(key) if [short(other) for other in score_keys(runs)].count(short(key)) == 1 else key


def _score(run: RunFacts, key: str) -> str:
    """Return the newest and the best value of a score, and its floor."""
    series = run.metrics.series.get(key)
    if series is None:
        return "–"
    better, floor = better_of(run, key), floor_of(run, key)
    texts = [f"{number(series.values[-1])} at step {series.steps[-1]:,}"]
    for name, highest in (("lowest", False), ("highest", True)):
        if better in ("", "higher" if highest else "lower"):
            step, value = series.best(highest)
            texts.append(f"{name} {number(value)} at step {step:,}")
    if better == "floor" and floor is not None:
        _, step, value = min((abs(v - floor), s, v) for s, v in zip(series.steps, series.values, strict=True))
        texts.append(f"nearest {number(value)} at step {step:,}")
    return "; ".join((*texts, _floor(floor)))


def _floor(floor: float | None) -> str:
    return "no floor known" if floor is None else f"real images get {number(floor)}"


def _evaluated_names(runs: Sequence[RunFacts]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.number for run in runs if run.evaluation for one in run.evaluation.numbers))


def _evaluated(run: RunFacts, name: str) -> str:
    found = [one for one in (run.evaluation.numbers if run.evaluation else ()) if one.number == name]
    return f"{number(found[0].value)}; {_floor(found[0].floor)}" if found else "–"
