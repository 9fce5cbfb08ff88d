"""How long a step of a variant takes on this machine, measured on a few steps; and the time that a study will take."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.errors import RunError
from dcgan_kit.files import read_regular, write_whole
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.terminal.progress import Quiet

MEASURED_SECONDS = 1.0
"""Steps are measured for at least this long, after they are compiled."""
MOST_STEPS = 1000
MOST_BYTES = 2**20


class Timing(BaseModel):
    """The times of one variant on this machine.

    Attributes:
        step: seconds of a step.
        start: seconds from the start of a process to its first steps.
        disk: bytes of a run folder.
    """

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)
    step: Annotated[float, Field(gt=0)]
    start: Annotated[float, Field(ge=0)]
    disk: Annotated[int, Field(ge=0)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    timings: dict[str, Timing]


@dataclass(frozen=True)
class Estimate:
    """What a study will take.

    Attributes:
        runs: runs to train.
        seconds: from its start to its end; None if nothing was measured.
        disk: bytes of the run folders.
        at_once: runs at the same time.
    """

    runs: int
    seconds: float | None
    disk: int
    at_once: int


def timing_key(recipe: ResolvedRecipe, threads: int) -> str:
    """Return a key for the timing of a recipe: seed and number of steps do not count."""
    data = as_data(recipe)
    data["training"] = {key: value for key, value in data["training"].items() if key not in ("seed", "steps")}
    text = json.dumps([data, threads], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_timings(file: Path) -> dict[str, Timing]:
    """Return the timings in a file, by key; none if it does not exist.

    Raises:
        RunError: the file is no such file.
    """
    try:
        return dict(_File.model_validate_json(read_regular(file, MOST_BYTES, follow_links=False)).timings)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}") from error
    except ValidationError as error:
        raise RunError(f"{file}: holds no timings. Delete it to measure again") from error


def write_timings(file: Path, timings: Mapping[str, Timing]) -> None:
    """Write timings to a file.

    Raises:
        RunError: it cannot be written.
    """
    with writing(file):
        write_whole(file, _File(timings=dict(timings)).model_dump_json(indent=1).encode() + b"\n")


def measured(recipe: ResolvedRecipe, plugins: LoadedPlugins, started: float) -> Timing:
    """Train a few steps in memory, and return their times.

    Args:
        recipe: the recipe.
        plugins: the plugins that were loaded for it.
        started: ``time.monotonic()`` when the process began to work.

    Raises:
        UserError: the recipe cannot be trained.
    """
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.adversarial.step_comparison import compared
    from dcgan_kit.data.loading import load_split_images

    session = Session.create(recipe, None, plugins.third_party)
    images = load_split_images(recipe).training
    session = compared(session, images, plugins, Quiet().preparation)
    steps, group = session.compile(), 2

    def take(count: int) -> float:
        first = session.state.steps_done
        batches = session.batches(images, first, count)
        begun = time.perf_counter()
        steps(*batches, tf.constant(first, tf.int64)).numpy()
        return time.perf_counter() - begun

    take(group)
    start = time.monotonic() - started
    spent, taken = 0.0, 0
    while spent < MEASURED_SECONDS and taken < MOST_STEPS:
        spent, taken = spent + take(group), taken + group
        group = min(2 * group, 64)
    numbers = sum(math.prod(variable.shape) for variable in session.state.variables().values())
    # A run keeps a few checkpoints, its generator as a file, and little else.
    copies = recipe.training.keep + 2
    return Timing(step=spent / taken, start=start, disk=4 * numbers * copies)
