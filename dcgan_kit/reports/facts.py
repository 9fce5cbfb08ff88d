"""Facts about a run, read from the files of its folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from dcgan_kit.errors import UserError, counted, printable
from dcgan_kit.recipes.yaml_reader import read_text
from dcgan_kit.recipes.yaml_writer import flattened
from dcgan_kit.reports.run_files import (
    Metrics,
    Series,
    Unusable,
    finite,
    read_document,
    read_json,
    read_lines,
    read_metrics,
    shown,
)
from dcgan_kit.runs.folder_content import read_run
from dcgan_kit.runs.run_end import read_end
from dcgan_kit.runs.start_record import origin_of

EVALUATION = "evaluation.json"
"""``{"of": {…}, "numbers": [{"name": …, "number": …, "value": …, "floor": …, "better": …, "protocol": {…}}], …}``."""
SPEED = "images_per_second"
"""This number has its own file, because it depends on the clock."""
MOST_FINDINGS = 10_000
MOST_SCORES = 200
MOST_CLASSES = 200
MOST_GRIDS = 100_000

_GRID = re.compile(r"step-(?P<step>\d{1,12})(?P<raw>-raw)?\.png")
_T = TypeVar("_T")


@dataclass(frozen=True)
class FoundAt:
    """A probe's finding at a step; see ``dcgan_kit.Finding``."""

    step: int
    disease: str
    where: str
    observation: str
    value: float | None
    baseline: float | None
    advice: str


@dataclass(frozen=True)
class Scored:
    """A number of an evaluation.

    Attributes:
        key: its full name, with everything that it depends on in brackets.
        number: its short name.
        value: the value for the samples.
        floor: the value for real images.
        better: ``lower``, ``higher``, ``floor`` or ``neither``.
        protocol: how it was computed.
    """

    key: str
    number: str
    value: float | None
    floor: float | None
    better: str
    protocol: Mapping[str, str]


@dataclass(frozen=True)
class ScoredGroup:
    """Numbers of an evaluation about one class or by one judge: their title, and the numbers of images of a class."""

    title: str
    samples: float | None
    references: float | None
    numbers: tuple[Scored, ...]


@dataclass(frozen=True)
class Evaluation:
    """The results of ``dcgan-kit evaluate``: the evaluated images, the numbers, notes, classes, and judges."""

    of: Mapping[str, str]
    numbers: tuple[Scored, ...]
    notes: tuple[str, ...]
    classes: tuple[ScoredGroup, ...] = ()
    judges: tuple[ScoredGroup, ...] = ()


@dataclass(frozen=True)
class Grid:
    """The file of a sample grid."""

    step: int
    raw: bool
    path: Path


@dataclass(frozen=True)
class RunFacts:
    """The facts about a run that its folder holds.

    Attributes:
        path: the folder.
        label: the unique name of the run on the page.
        recipe_text: the text of the resolved recipe.
        recipe: the recipe by dotted key; empty if the text is no recipe.
        environment: the environment by dotted key.
        metrics: numbers by step.
        findings: findings of probes, in order of steps.
        evaluation: the newest evaluation, or None.
        grids: sample grids in order of steps; grids of the averaged generator come before those of the raw one.
        better: which values of scores are better, by short name; empty if the components of the scores were not loaded.
        finished: whether training reached its end.
        start: the run whose weights it started from; empty if there is none.
        end: why it ended before its last step; empty if it did not.
        notes: a line about each file, or part of a file, that was left out.
    """

    path: Path
    label: str
    recipe_text: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    metrics: Metrics = field(default_factory=Metrics)
    findings: tuple[FoundAt, ...] = ()
    evaluation: Evaluation | None = None
    grids: tuple[Grid, ...] = ()
    better: Mapping[str, str] = field(default_factory=dict)
    finished: bool = False
    start: str = ""
    end: str = ""
    notes: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """The number of steps that are surely done: the last step in metrics and grids."""
        logged = [series.steps[-1] for series in self.metrics.series.values()]
        return max([0, *logged, *(grid.step for grid in self.grids)])

    @property
    def minutes(self) -> float | None:
        """Minutes of training, computed from the logged speeds; None if the speed or the batch size is unknown."""
        speed, batch = self.metrics.series.get(SPEED), finite(self.recipe.get("training.batch_size"))
        if speed is None or batch is None:
            return None
        before, seconds = 0, 0.0
        for step, images_per_second in zip(speed.steps, speed.values, strict=True):
            seconds += (step - before) * batch / images_per_second if images_per_second > 0 else 0.0
            before = step
        return seconds / 60


def read_facts(path: Path, label: str) -> RunFacts:
    """Read a run folder.

    Raises:
        RunError: there is no run folder at that path.
    """
    run = read_run(path)
    notes: list[str] = []

    def attempt(read: Callable[[], _T], otherwise: _T) -> _T:
        try:
            return read()
        except Unusable as reason:
            notes.append(f"{shown(str(reason))}; it is left out.")
            return otherwise

    text = (attempt(lambda: read_document(run.recipe_file), None) or b"").decode("utf-8", "replace")
    metrics = attempt(lambda: read_metrics(run.metrics_file), Metrics())
    speed = attempt(lambda: read_metrics(run.speed_file), Metrics())
    notes.extend(_left_out(run.metrics_file.name, metrics))
    notes.extend(_left_out(run.speed_file.name, speed))
    metrics = replace(metrics, series={**metrics.series, **_only(SPEED, speed)})
    none: tuple[tuple[FoundAt, ...], int] = (), 0
    findings, broken = attempt(lambda: _findings(run.findings_file), none)
    if broken:
        notes.append(_broken(run.findings_file.name, broken))
    return RunFacts(
        path=path,
        label=label,
        recipe_text=printable(text),
        recipe=attempt(lambda: _recipe(text), {}),
        environment=attempt(lambda: _flat(read_json(run.environment_file)), {}),
        metrics=metrics,
        findings=findings,
        evaluation=attempt(lambda: _evaluation(read_json(path / EVALUATION)), None),
        grids=attempt(lambda: _grids(run.samples), ()),
        finished=run.finished,
        start=str(origin_of(run) or ""),
        end=str(read_end(run) or ""),
        notes=tuple(notes),
    )


def labels(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return a unique name for each folder, made of as few of its last path parts as possible."""
    resolved = [path.resolve() for path in paths]
    for length in range(1, max(len(path.parts) for path in resolved)):
        names = ["/".join(path.parts[-length:]) for path in resolved]
        if len(set(names)) == len(names):
            return tuple(shown(name) for name in names)
    return tuple(shown(f"{path} ({number})") for number, path in enumerate(resolved, start=1))


def _only(name: str, metrics: Metrics) -> dict[str, Series]:
    return {name: metrics.series[name]} if name in metrics.series else {}


def _broken(file: str, lines: int) -> str:
    return f"{file} has {counted(lines, 'broken line')}, for example after a kill; left out."


def _left_out(file: str, metrics: Metrics) -> list[str]:
    notes = []
    if metrics.broken:
        notes.append(_broken(file, metrics.broken))
    if metrics.left_out:
        notes.append(f"{file} has {counted(metrics.left_out, 'number')} not finite or beyond 1e30: left out.")
    if metrics.cut:
        notes.append(f"{file} has more lines or names than a report takes; the rest is left out.")
    return notes


def _recipe(text: str) -> dict[str, Any]:
    try:
        data = read_text(text, "recipe.yaml").data()
    except UserError as error:
        raise Unusable(f"recipe.yaml is no valid recipe: {error}") from error
    return _flat(data)


def _flat(data: Any) -> dict[str, Any]:
    try:
        return flattened(_lists(data)) if isinstance(data, Mapping) else {}
    except RecursionError as error:
        raise Unusable("a file is nested too deeply") from error


def _lists(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _lists(value) for key, value in data.items()}
    return [_lists(item) for item in data] if isinstance(data, tuple | list) else data


def _text(value: Any) -> str:
    return shown(value) if isinstance(value, str) else ""


def _findings(path: Path) -> tuple[tuple[FoundAt, ...], int]:
    """Return the findings in order of their steps, and the number of broken lines."""
    lines = list(islice(read_lines(path), MOST_FINDINGS))
    found = [
        FoundAt(
            step=line["step"],
            disease=_text(line.get("disease")),
            where=_text(line.get("where")),
            observation=_text(line.get("observation")),
            value=finite(line.get("value")),
            baseline=finite(line.get("baseline")),
            advice=_text(line.get("advice")),
        )
        for line in lines
        if line is not None
    ]
    return tuple(sorted(found, key=lambda one: one.step)), lines.count(None)


def _evaluation(data: Any) -> Evaluation | None:
    if data is None:
        return None
    numbers = data.get("numbers") if isinstance(data, dict) else None
    if not isinstance(numbers, list):
        raise Unusable(f"{EVALUATION} holds no list of numbers")
    notes = data.get("notes")
    texts = list(filter(None, map(_text, notes[:MOST_SCORES]))) if isinstance(notes, list) else []
    classes = data.get("classes") if isinstance(data.get("classes"), list) else []
    if len(classes) > MOST_CLASSES:
        texts.append(f"The table shows {MOST_CLASSES} of {len(classes)} classes; {EVALUATION} holds all.")
    of, judges = _texts(data.get("of")), _judges(data.get("judges"))
    return Evaluation(of, _scored(numbers), tuple(texts), _classes(classes[:MOST_CLASSES]), judges)


def _classes(data: Sequence[Any]) -> tuple[ScoredGroup, ...]:
    return tuple(
        ScoredGroup(
            title=shown(f"{one['class']} {_text(one.get('name'))}".strip()),
            samples=finite(one.get("samples")),
            references=finite(one.get("references")),
            numbers=_scored(one["numbers"]),
        )
        for one in data
        if isinstance(one, dict) and isinstance(one.get("numbers"), list) and type(one.get("class")) is int
    )


def _judges(data: Any) -> tuple[ScoredGroup, ...]:
    judges = data[:MOST_CLASSES] if isinstance(data, list) else []
    return tuple(
        ScoredGroup(shown(f"{_text(one.get('judge'))}: {_text(one.get('sees'))}"), None, None, _scored(one["numbers"]))
        for one in judges
        if isinstance(one, dict) and isinstance(one.get("numbers"), list)
    )


def _scored(numbers: Sequence[Any]) -> tuple[Scored, ...]:
    return tuple(
        Scored(
            key=_text(one.get("name")),
            number=_text(one.get("number")),
            value=finite(one.get("value")),
            floor=finite(one.get("floor")),
            better=_text(one.get("better")),
            protocol=_texts(one.get("protocol")),
        )
        for one in numbers[:MOST_SCORES]
        if isinstance(one, dict) and _text(one.get("number"))
    )


def _texts(data: Any) -> dict[str, str]:
    return {shown(key): shown(str(value)) for key, value in list(_flat(data).items())[:MOST_SCORES]}


def _grids(folder: Path) -> tuple[Grid, ...]:
    try:
        names = [entry.name for entry in islice(folder.iterdir(), MOST_GRIDS)]
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise Unusable(f"{folder.name}/ cannot be read: {error.strerror or error}") from error
    found = [match for name in names if (match := _GRID.fullmatch(name))]
    grids = [Grid(int(match["step"]), match["raw"] is not None, folder / match.string) for match in found]
    return tuple(sorted(grids, key=lambda grid: (grid.raw, grid.step)))
