"""The results of a search: its trials, the best of them, and what that does not show."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.errors import counted
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.results import run_data
from dcgan_kit.studies.search import Direction, Search
from dcgan_kit.studies.search_space import Setting
from dcgan_kit.studies.trials import Trial
from dcgan_kit.studies.variants import unquoted

VERSION = 1
COLUMNS = ("trial", "state", "seed", "number", "value", "floor", "pruned_at", "identity")


def best_recipe(folder: Path) -> Path:
    """Return the file of the best trial's recipe."""
    return folder / "best.yaml"


def comparison_file(folder: Path) -> Path:
    """Return the study file that compares the best trial with the base."""
    return folder / "comparison.yaml"


@dataclass(frozen=True)
class SearchResult:
    """The results of a search.

    Attributes:
        search: the search.
        folder: its folder.
        direction: whether the objective should be small or large.
        trials: the trials that ended, in order.
        optuna: the options of Optuna that chose the parameters, with its version.
    """

    search: Search
    folder: StudyFolder
    direction: Direction
    trials: tuple[Trial, ...]
    optuna: Mapping[str, Any]

    @property
    def missing(self) -> int:
        """The number of trials that have not ended."""
        return self.search.trials - len(self.trials)

    @property
    def best(self) -> Trial | None:
        """The complete trial with the best value, the first of equal ones; None if no trial is complete."""
        sign = 1.0 if self.direction == "minimize" else -1.0
        complete = [trial for trial in self.trials if trial.value is not None]
        return min(complete, key=lambda trial: (sign * (trial.value or 0.0), trial.number), default=None)

    def columns(self) -> dict[str, list[str]]:
        """Return the trials as columns of text: a row for each."""
        keys = [one.key for one in self.search.space]
        rows = [
            {
                "trial": str(trial.number),
                **{key: shown(trial.settings[key]) for key in keys},
                self.search.objective: f"{trial.value:.4g}" if trial.value is not None else trial.state,
            }
            for trial in self.trials
        ]
        return {head: [row[head] for row in rows] for head in ("trial", *keys, self.search.objective)}

    def sentences(self) -> list[str]:
        """Return what may be said: the best trial, and that it is no comparison."""
        said = []
        best = self.best
        if best is not None:
            word = "lowest" if self.direction == "minimize" else "highest"
            complete = sum(trial.state == "complete" for trial in self.trials)
            settings = ", ".join(f"{key} = {shown(value)}" for key, value in best.settings.items())
            said.append(
                f"Trial {best.number} has the {word} {self.search.objective} of {counted(complete, 'complete trial')}, "
                f"{best.value:.4g}: {settings}."
            )
            said.append(
                f"The best of {counted(complete, 'trial')} is not a comparison: it was chosen because its number is "
                f"the {word}, so the number flatters it. To compare it with {Path(self.search.base).stem} on fresh "
                f"seeds: `{self.follow_up()}`."
            )
        elif not self.missing:
            said.append("No trial is complete.")
        states = Counter(trial.state for trial in self.trials)
        if states["pruned"]:
            said.append(f"{counted(states['pruned'], 'trial')} stopped early, by the scores during training.")
        if states["failed"]:
            first = next(trial for trial in self.trials if trial.state == "failed")
            said.append(f"{counted(states['failed'], 'trial')} failed, the first with: {first.failure}.")
        if self.missing:
            said.append(f"{counted(self.missing, 'trial')} of {self.search.trials} not finished.")
        return said

    def follow_up(self) -> str:
        """Return the command that compares the best trial with the base."""
        target = self.folder.path.with_name(f"{self.folder.path.name}-comparison")
        file = comparison_file(self.folder.path)
        return shlex.join(["dcgan-kit", "study", str(file), "--folder", str(target)])

    def as_data(self) -> dict[str, Any]:
        """Return all of it as a mapping for JSON. Times of this machine are left out."""
        best = self.best
        return {
            "version": VERSION,
            "name": self.search.name,
            **{key: value for key, value in self.search.as_data().items() if key != "version"},
            "direction": self.direction,
            "optuna": dict(self.optuna),
            "results": [
                {
                    "trial": trial.number,
                    "state": trial.state,
                    "settings": dict(trial.settings),
                    "value": trial.value,
                    "reports": [[step, value] for step, value in trial.reports.items()],
                    # A pruned run may have trained on until the signal reached it, so only its reports count.
                    "runs": [run_data(run) for run in trial.runs],
                }
                for trial in self.trials
            ],
            "best": None if best is None else best.number,
            "sentences": self.sentences(),
        }

    def as_json(self) -> str:
        """Return ``as_data`` as text."""
        return json.dumps(self.as_data(), indent=2, allow_nan=False) + "\n"

    def rows(self) -> list[dict[str, Any]]:
        """Return a tidy table: one row for each run, with a column for each searched key."""
        return [
            {
                "trial": trial.number,
                "state": trial.state,
                "seed": run.seed,
                "number": self.search.objective,
                "identity": run.identity,
                **dict(trial.settings),
                **_numbers(trial, run.readings.get(self.search.objective)),
            }
            for trial in self.trials
            for run in trial.runs
        ]

    def as_csv(self) -> str:
        """Return ``rows`` as CSV text. What does not exist is empty."""
        keys = [one.key for one in self.search.space]
        stream = io.StringIO()
        columns = [*COLUMNS[:2], *keys, *COLUMNS[2:]]
        writer = csv.DictWriter(stream, columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(self.rows())
        return stream.getvalue()


def _numbers(trial: Trial, reading: Any) -> dict[str, Any]:
    if trial.state == "pruned":
        step = max(trial.reports)
        return {"value": trial.reports[step], "pruned_at": step}
    return {} if reading is None else {"value": reading.value, "floor": reading.floor}


def shown(setting: Setting) -> str:
    """Return a chosen value for readers: numbers with four digits, plain texts without quotes."""
    if isinstance(setting, float):
        return f"{setting:.4g}"
    return unquoted(str(setting))


def comparison_yaml(search: Search, folder: Path) -> dict[str, Any]:
    """Return the content of the study file that compares the best trial with the base on seeds of its own."""
    budget = {} if search.budget is None else {"budget": {search.budget.kind: search.budget.amount}}
    overrides = search.as_data().get("overrides")
    return {
        "version": 1,
        "description": f"The best trial of {folder.name} against its base",
        **({"overrides": overrides} if overrides else {}),
        "axes": {"recipe": {"base": search.base, "best": str(best_recipe(folder).absolute())}},
        **budget,
        "read": [search.objective],
        "threads": search.threads,
    }
