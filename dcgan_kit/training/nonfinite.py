"""Crash bundles: a step that made numbers that are not finite is saved, and can be run again."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tensorflow as tf
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.adversarial.compiled_steps import Steps
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step_choice import ChoiceSoFar
from dcgan_kit.adversarial.step_metrics import added, means, nothing
from dcgan_kit.adversarial.update_schedule import batches_a_step
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.errors import RunError, printable
from dcgan_kit.files import open_regular, read_regular
from dcgan_kit.recipes.resolved import Precision, ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.runs.checkpoint import max_bytes, restore_checkpoint, unpacked
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.variable_archive import MAX_HEADER_BYTES, not_finite, packed, read_header
from dcgan_kit.training.step_trace import TensorFacts, traced
from dcgan_kit.version import __version__

FACTS = "crash.json"
STATE = "state.npz"
BATCH = "batch.npy"
MAX_FACTS_BYTES = 16 * 2**20
MAX_LISTED = 6
MAX_BUNDLES = 3


class NotFinite(Exception):
    """A group of steps made numbers that are not finite.

    Args:
        step: number of steps done before the group.
        count: number of steps in the group.
        wrong: names of the metrics or variables that are not finite.
    """

    def __init__(self, step: int, count: int, wrong: Sequence[str]) -> None:
        more = f" and {len(wrong) - MAX_LISTED} more" if len(wrong) > MAX_LISTED else ""
        names = ", ".join(wrong[:MAX_LISTED]) + more
        super().__init__(f"not finite between steps {step + 1} and {step + count}: {names}")
        self.step, self.count = step, count


@dataclass(frozen=True)
class Crash:
    """A step that made numbers that are not finite.

    Attributes:
        step: number of the step, from 1.
        seed: the recipe's seed.
        precision: the precision of the step.
        xla: whether XLA compiled it.
        tensors: weights, outputs of layers, losses and gradients, in the order in which the step's updates make them.
        after: variables that are not finite after the step.
        metrics: the metrics of the step.
        state: every variable before the step.
        pixels: the images of the step, uint8 (batches, parts, replicas, B, H, W, C).
        labels: their labels, int32 (batches, parts, replicas, B).
    """

    step: int
    seed: int
    precision: Precision
    xla: bool
    tensors: tuple[TensorFacts, ...]
    after: tuple[str, ...]
    metrics: dict[str, float]
    state: dict[str, Any]
    pixels: Any
    labels: Any

    @property
    def first(self) -> TensorFacts | None:
        """The first tensor that is not finite; None if only the update itself made such numbers."""
        return next((tensor for tensor in self.tensors if tensor.not_finite), None)

    def __str__(self) -> str:
        first = self.first
        if first is None:
            metrics = [name for name, value in self.metrics.items() if not np.isfinite(value)]
            wrong = ", ".join(list(self.after or metrics)[:MAX_LISTED])
            return f"step {self.step}: not finite after its updates: {wrong}"
        count = int(np.prod(first.shape)) if first.shape else 1
        return f"step {self.step}: {first.place}: {first.not_finite} of {count} numbers are not finite"


def first_crash(session: Session, images: Images, steps: Steps, run: RunFolder, step: int, count: int) -> Crash:
    """Restore the last checkpoint, and run steps one by one until a number is not finite.

    Training depends only on the checkpoint and the step, so the same numbers appear again.

    Args:
        session: the training session.
        images: the training images.
        steps: the compiled steps.
        run: the folder with the checkpoint.
        step: number of steps done before the group.
        count: number of steps in the group.

    Raises:
        RunError: there is no checkpoint, or all numbers are finite in the second run.
    """

    def metrics_of(first: int, count: int) -> Any:
        found = steps(*session.batches(images, first, count), tf.constant(np.int64(first)))
        return added(nothing(), found)

    state = session.state
    path, messages = restore_checkpoint(run, state)
    if path is None:
        lines = "".join(f"\n  {line}" for line in messages)
        raise RunError(f"{run.path}: has no undamaged checkpoint from which to find the first bad step{lines}")
    for bad in range(state.steps_done, step + count):
        before, metrics = state.values(), metrics_of(bad, 1)
        after = not_finite(state.values())
        (wrong,) = session.devices.agree(float(bool(after) or not np.isfinite(metrics).all()))
        if wrong > 0:
            break
    else:
        raise RunError(
            f"{run.path}: steps {step + 1} to {step + count} made numbers that are not finite, but only finite ones "
            "when they ran again"
        )
    pixels, labels = session.whole_batch(images, bad)
    tensors = tuple(traced(session.alone(), before, pixels, labels, bad))
    state.assign(before)
    seed, choice = session.recipe.training.seed, session.choice
    return Crash(
        bad + 1, seed, choice.precision, choice.xla, tensors, tuple(after), means(metrics), before, pixels, labels
    )


def bundle_folder(run: RunFolder, crash: Crash) -> Path:
    """Return the folder of a crash."""
    return run.crashes / f"step-{crash.step:09d}"


def write_bundle(run: RunFolder, recipe: ResolvedRecipe, crash: Crash) -> Path:
    """Write a crash to its own folder in the run folder: recipe, state, images, facts.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    folder = bundle_folder(run, crash)
    facts = {
        "version": 1,
        "dcgan_kit": __version__,
        "step": crash.step,
        "seed": crash.seed,
        "precision": crash.precision,
        "xla": crash.xla,
        "message": str(crash),
        "metrics": {name: value if np.isfinite(value) else str(value) for name, value in crash.metrics.items()},
        "tensors": [asdict(tensor) for tensor in crash.tensors],
        "labels": np.ravel(crash.labels).tolist(),
    }
    run.write(folder / "recipe.yaml", as_yaml(as_data(recipe)).encode())
    run.write(folder / STATE, packed(crash.state, {}))
    run.write(folder / BATCH, _array_bytes(crash.pixels))
    run.write(folder / FACTS, json.dumps(facts, indent=2).encode() + b"\n")
    return folder


def replayed(recipe: ResolvedRecipe, bundle: Path) -> tuple[Crash, str]:
    """Run the step of a bundle again; return the new crash and the message of the original one.

    Args:
        recipe: the bundle's recipe, on one device.
        bundle: a folder that ``write_bundle`` wrote.

    Raises:
        RunError: the bundle is damaged, or belongs to another recipe.
    """
    facts = _facts(bundle)
    session = Session.create(recipe, ChoiceSoFar(facts.precision, facts.xla))
    training = recipe.training
    rows = training.batch_size // training.accumulate
    shape = (batches_a_step(training), training.accumulate, 1, rows, *recipe.image.shape)
    try:
        content = _content(bundle / STATE, max_bytes(session.state))
        batch = _content(bundle / BATCH, math.prod(shape) + MAX_HEADER_BYTES)
        found, kind, data = read_header(io.BytesIO(batch))
        pixels = np.frombuffer(data, kind).reshape(found)
        values = unpacked(content, session.state, str(bundle / STATE))
    except RunError:
        raise
    except Exception as error:
        # NumPy may raise any exception for bytes that are not an array.
        reason = getattr(error, "strerror", None) or error
        where = getattr(error, "filename", None)
        raise RunError(f"{bundle}: is damaged or incomplete: {f'{where}: ' if where else ''}{reason}") from error
    if pixels.dtype != np.uint8 or pixels.size != np.prod(shape) or len(facts.labels) != np.prod(shape[:4]):
        raise RunError(f"{bundle / BATCH}: does not hold the images of a step of this recipe ({pixels.shape})")
    pixels, labels = pixels.reshape(shape), np.array(facts.labels, np.int32).reshape(shape[:4])
    step = facts.step - 1
    tensors = tuple(traced(session, values, tf.constant(pixels), tf.constant(labels), step))
    session.state.assign(values)
    found_again = session.compile()(tf.constant(pixels[None]), tf.constant(labels[None]), tf.constant(np.int64(step)))
    metrics = added(nothing(), found_again)
    after, choice = tuple(not_finite(session.state.values())), session.choice
    crash = Crash(
        facts.step, training.seed, choice.precision, choice.xla, tensors, after, means(metrics), values, pixels, labels
    )
    return crash, facts.message


def _content(path: Path, most: int) -> bytes:
    with open_regular(path, follow_links=False) as stream:
        size = stream.seek(0, io.SEEK_END)
        if size > most:
            raise RunError(f"{path}: is not of this recipe: it has {size} bytes, and would have at most {most}")
        stream.seek(0)
        return stream.read(most)


def _no_bundle(folder: Path) -> str:
    """Return why a folder is not a bundle, and where bundles may be."""
    if not folder.exists():
        return f"{folder}: there is no such folder"
    bundles = sorted(str(file.parent) for file in folder.glob(f"crashes/*/{FACTS}"))
    if bundles:
        return f"{folder}: is a run folder; its crash bundles are in {', '.join(bundles[-MAX_BUNDLES:])}"
    return f"{folder}: holds no record of a crash ({FACTS}); training writes one when numbers stop being finite"


def _facts(bundle: Path) -> _Facts:
    path = bundle / FACTS
    try:
        return _Facts.model_validate(json.loads(read_regular(path, MAX_FACTS_BYTES, follow_links=False)))
    except FileNotFoundError:
        raise RunError(_no_bundle(bundle)) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        reason = f"{where}: {first['msg']} (given: {first['input']!r:.100})"
    except OSError as error:
        reason = str(error.strerror or error)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    raise RunError(f"{path}: is not a record of a crash: {printable(reason)[:400]}")


class _Facts(BaseModel):
    """The fields of ``crash.json`` that the program reads; the other fields are for the user."""

    model_config = ConfigDict(strict=True, extra="ignore")
    precision: Precision
    xla: bool | None = None
    step: Annotated[int, Field(gt=0, lt=2**31)]
    message: Annotated[str, Field(max_length=10_000)]
    labels: Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(max_length=10_000_000)]


def _array_bytes(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
