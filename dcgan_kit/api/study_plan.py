"""Studies from arguments and files, with their budgets, their widths and the time that they will take."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.arguments import require_list, require_whole
from dcgan_kit.api.catalogue import everything
from dcgan_kit.components.contracts.probe import Role
from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.process.processors import usable_processors
from dcgan_kit.recipes.loading import SUFFIXES, Source
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.studies.budget import Budget
from dcgan_kit.studies.definition import MOST_SEEDS, MOST_THREADS, SEEDS, Study, is_study, read_study
from dcgan_kit.studies.folder import DEFINITION
from dcgan_kit.studies.variants import RECIPE, Axis, axis_of, parse_axis

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.studies.folder import StudyFolder
    from dcgan_kit.studies.plan import LoadedVariant, Plan
    from dcgan_kit.studies.step_times import Estimate, Timing

ROLES: tuple[Role, ...] = ("generator", "discriminator")
BYTES_PER_PROCESS = 2**30
"""Memory of a process that trains a small network: TensorFlow, the images and the networks."""
MOST_STEPS = 100_000_000
"""A recipe takes no more steps."""
MOST_BUILT = 8
"""So many variants are built to estimate their memory."""
Vary = Mapping[str, Sequence[Any] | Mapping[str, Any]] | Sequence[str]


def study_of(
    source: Source,
    *,
    vary: Vary | None,
    read: Sequence[str],
    seeds: int | None,
    overrides: Sequence[str],
    budget: Mapping[str, float] | None,
    match: str | None,
    threads: int | None,
    settings: PluginSettings | None = None,
) -> Study:
    """Return the study that the arguments of ``study`` mean: those of a study file if nothing is varied.

    Raises:
        UserError: an argument is wrong, or the study file has problems.
    """
    overrides, read = require_list("overrides", overrides), require_list("read", read)
    if seeds is not None:
        require_whole("seeds", seeds, 1, MOST_SEEDS)
    if threads is not None:
        require_whole("threads", threads, 1, MOST_THREADS)
    paid, untrained = _budget(budget)
    if vary:
        if str(source).endswith(SUFFIXES) and is_study(Path(str(source))):
            raise UserError(f"{source}: is a study file; it says itself what is varied, so leave --vary out")
        if not read:
            raise UserError("--read is missing: name the numbers to compare, e.g. --read fd or --read checkerboard_2")
        axes = _axes(vary)
        return Study(
            base=_base(source, axes),
            axes=axes,
            seeds=seeds or SEEDS,
            read=read,
            overrides=overrides,
            budget=paid,
            untrained=untrained,
            matched=_matched(match),
            threads=threads or 1,
        )
    study = read_study(_study_file(_reference(source), settings))
    changes: dict[str, Any] = {
        "read": read,
        "seeds": seeds,
        "overrides": (*study.overrides, *overrides) if overrides else (),
        "budget": paid,
        "untrained": untrained,
        "matched": _matched(match),
        "threads": threads,
    }
    if paid is not None or untrained:
        study = replace(study, budget=None, untrained=False)
    return replace(study, **{name: value for name, value in changes.items() if value})


def _reference(source: Source) -> str:
    if isinstance(source, Mapping) or (isinstance(source, str) and "\n" in source):
        raise UserError("a study needs a recipe that has a name or a file, because its runs load it again")
    if not isinstance(source, str | os.PathLike):
        raise UserError(f"a study takes a recipe or a study file by name or path. Received: {source!r}")
    return _absolute(os.fspath(source))


def _absolute(reference: str) -> str:
    """Return a recipe by name, or by its absolute path: the study keeps it, and commands may come from elsewhere."""
    return str(Path(reference).expanduser().absolute()) if reference.endswith(SUFFIXES) else reference


def _base(source: Source, axes: Sequence[Axis]) -> str | None:
    """Return the recipe to change; None if recipes are varied, of which it must then be one."""
    varied = next((axis for axis in axes if axis.key == RECIPE), None)
    if varied is None:
        return _reference(source)
    if isinstance(source, Mapping) or os.fspath(source) not in varied.names:
        raise UserError(f"{source}: recipes are varied, and it is none of them: {', '.join(varied.names)}")
    return None


def _study_file(reference: str, settings: PluginSettings | None) -> Path:
    """Return the study file of a path, or that of a name that a plugin offers."""
    path = Path(reference)
    if path.suffix in SUFFIXES and not path.is_dir():
        return path
    if (path / DEFINITION).is_file():
        raise UserError(f"{path}: is the folder of a study: `dcgan-kit study show` and `add-seeds` take it")
    known = everything(settings).studies
    if reference in known:
        return known[reference]
    raise UserError(
        f"{reference}: to study a recipe, say what to vary: --vary KEY=VALUE,VALUE --read NAME. There is no study of "
        f"this name either.{did_you_mean(reference, known)}"
    )


def _axes(vary: Vary) -> tuple[Axis, ...]:
    if isinstance(vary, Mapping):
        axes = [axis_of(key, _plain_values(key, values)) for key, values in vary.items()]
    else:
        axes = [parse_axis(text) for text in require_list("vary", vary)]
    return tuple(_of_recipes(axis) if axis.key == RECIPE else axis for axis in axes)


def _of_recipes(axis: Axis) -> Axis:
    """Return an axis of recipes with absolute paths, under the names that it has."""
    recipes = [json.loads(value) for value in axis.values]
    if not all(isinstance(recipe, str) for recipe in recipes):
        raise UserError(f"{RECIPE}: takes names and paths of recipes. Received: {', '.join(axis.values)}")
    return axis_of(RECIPE, dict(zip(axis.names, map(_absolute, recipes), strict=True)))


def _plain_values(key: str, values: Any) -> Any:
    if isinstance(values, Mapping):
        return {str(name): plain_data(value, key) for name, value in values.items()}
    return [plain_data(value, key) for value in require_list(f"vary: {key}", values)]


def _budget(budget: Mapping[str, float] | None) -> tuple[Budget | None, bool]:
    """Return the budget, and whether nothing is trained."""
    if not budget:
        return None, False
    if not isinstance(budget, Mapping):
        raise UserError(f"budget: takes a kind with its amount, e.g. {{'steps': 2000}}. Received: {budget!r}")
    if len(budget) != 1:
        raise UserError(f"budget: takes one kind. Received: {', '.join(budget)}")
    kind, amount = next(iter(budget.items()))
    if (kind, amount) == ("steps", 0):
        return None, True
    return Budget(kind, amount), False  # type: ignore[arg-type]


def _matched(match: str | None) -> bool:
    if match not in (None, "parameters"):
        raise UserError(f"match: takes 'parameters'. Received: {match!r}")
    return match is not None


def planned(
    study: Study,
    folder: Path | None,
    settings: PluginSettings,
    time_variants: Callable[[Sequence[LoadedVariant], StudyFolder], Mapping[str, Timing]],
) -> Plan:
    """Return what a study will do.

    Args:
        study: the study.
        folder: its folder, or None.
        settings: which plugins may be loaded.
        time_variants: measures the variants, and returns their timings by ``timing_key``. It is called here if the
            budget needs times.

    Raises:
        UserError: see ``studies.plan.plan_of``; or the budget is smaller than a step, or the widths cannot be matched.
    """
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.studies.budget import steps_of
    from dcgan_kit.studies.plan import plan_of
    from dcgan_kit.studies.step_times import timing_key

    def prepared(variants: Sequence[LoadedVariant], home: StudyFolder) -> Sequence[LoadedVariant]:
        if study.matched:
            variants = _with_equal_parameters(study, variants)
        if study.budget is None:
            return variants
        timings = time_variants(variants, home) if study.budget.kind == "seconds" else {}
        found = []
        for one in variants:
            timing = timings.get(timing_key(one.recipe, study.threads))
            steps = steps_of(study.budget, one.recipe, None if timing is None else timing.step)
            if steps > MOST_STEPS:
                raise UserError(f"{study.place('budget')}budget: {steps:,} steps are more than {MOST_STEPS:,}")
            training = one.recipe.training.model_copy(update={"steps": steps})
            found.append(replace(one, recipe=one.recipe.model_copy(update={"training": training})))
        return found

    return plan_of(study, folder, settings, prepared)


def _with_equal_parameters(study: Study, variants: Sequence[LoadedVariant]) -> list[LoadedVariant]:
    """Return variants whose varied networks have as many parameters as those of the first variant, within 2 %.

    Raises:
        UserError: no network is varied, or the widths cannot be found.
    """
    from dcgan_kit.studies.equal_parameters import matched, trainable_parameters
    from dcgan_kit.studies.plan import reloaded

    varied = {axis.key.partition(".")[0] for axis in study.axes}
    roles: list[Role] = [role for role in ROLES if role in varied]
    if not roles:
        raise UserError(f"{study.place('match')}match: no key of a network is varied, so parameters are equal anyway")
    first = variants[0].recipe
    wanted = {role: trainable_parameters(first, role) for role in roles}
    found = [variants[0]]
    for one in variants[1:]:
        try:
            overrides = [text for role in roles for text in matched(one.recipe, role, wanted[role])]
        except UserError as error:
            raise UserError(f"{study.place('match')}{one.variant.title}: {error}") from error
        found.append(reloaded(study, one, overrides))
    return found


def processes_for(plan_threads: int, asked: int | None, memory: int) -> int:
    """Return how many runs go at the same time: as many as the processors and the free memory allow, at least one.

    With a GPU it is one, because TensorFlow takes the whole memory of a GPU for each process.

    Args:
        plan_threads: threads of each run.
        asked: what the user asked for; None: as many as fit.
        memory: bytes that one network needs in training.
    """
    if asked is not None:
        return require_whole("processes", asked, 1, 1000)
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, min(usable_processors() // plan_threads, free_memory() // (BYTES_PER_PROCESS + memory)))


def memory_of(plan: Plan) -> int:
    """Return the bytes that the largest network of a study needs in training, by its first variants."""
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import training_memory

    first = {run.variant: run.recipe for run in plan.runs if run.variant < MOST_BUILT}
    return max(
        training_memory(build_networks(recipe, symbolic=True), recipe.training.batch_size, recipe.training.ema > 0)
        for recipe in first.values()
    )


def free_memory() -> int:
    """Return the bytes of memory that are free here, within the limit of the container; a large number if unknown."""
    found = [_meminfo("MemAvailable")]
    for most, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            found.append(int(Path(most).read_text("ascii")) - int(Path(used).read_text("ascii")))
        except (OSError, ValueError):
            continue
    return min(found)


def _meminfo(name: str) -> int:
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return 2**50
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 2**50)


def estimate_of(plan: Plan, timings: Mapping[str, Timing], at_once: int) -> Estimate:
    """Return what a study will take, by the timings of its variants."""
    from dcgan_kit.studies.step_times import Estimate, timing_key

    missing = plan.missing()
    seconds, disk, known = 0.0, 0, True
    for run in missing:
        timing = timings.get(timing_key(run.recipe, plan.study.threads))
        known = known and timing is not None
        if timing is not None:
            # Scores and probes take about as long as the start.
            seconds += 2 * timing.start + timing.step * run.recipe.training.steps
            disk += timing.disk
    together = max(1, min(at_once, len(missing)))
    return Estimate(len(missing), seconds / together if known else None, disk, at_once)
