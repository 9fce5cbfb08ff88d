"""The runs of a study: which there are, which are finished, and whether finished ones keep their meaning."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
from dcgan_kit.data.loading import load_images, require_data, with_known_classes
from dcgan_kit.data.resized_pixels import unresizable
from dcgan_kit.errors import RecipeError, UserError, counted, printable
from dcgan_kit.evaluation.selection import default_extractor
from dcgan_kit.files import read_regular, write_whole
from dcgan_kit.recipes.loading import LoadedRecipe, load_recipe
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data, as_value, as_yaml
from dcgan_kit.runs.recipe_differences import finished_message
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.claims import require_known
from dcgan_kit.studies.definition import Study, read_study
from dcgan_kit.studies.file_keys import at_places
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.identity import Facts, facts_of, identity_of
from dcgan_kit.studies.interim import read_interim
from dcgan_kit.studies.readings import FILE, Readings, expanded, feature_space, read_readings, view_of
from dcgan_kit.studies.results import RunResult, StudyResult, in_order
from dcgan_kit.studies.variants import RECIPE, Variant, variants_of

MOST_BYTES = 4 * 2**20
"""Largest file beside a run that is read."""
MOST_RECORDS = 100_000


@dataclass(frozen=True)
class LoadedVariant:
    """A variant whose recipe is loaded, with its steps.

    Attributes:
        variant: what is varied.
        recipe: its recipe; every run sets its seed.
        plugins: the plugins that were loaded for it.
        images: the images that it reads.
        settings: which plugins may be loaded.
    """

    variant: Variant
    recipe: ResolvedRecipe
    plugins: LoadedPlugins
    images: Images
    settings: PluginSettings


@dataclass(frozen=True)
class PlannedRun:
    """One run of a study.

    Attributes:
        variant: index of its variant.
        seed: its ``training.seed``.
        identity: its identity.
        facts: what the identity was made of.
        recipe: its recipe.
    """

    variant: int
    seed: int
    identity: str
    facts: Facts
    recipe: ResolvedRecipe


@dataclass(frozen=True)
class Changes:
    """How a study differs from what its folder holds.

    Attributes:
        kept: finished runs that belong to the study.
        unasked: finished runs that the study does not ask for any more; they stay in the folder.
    """

    kept: int
    unasked: int


@dataclass(frozen=True)
class Plan:
    """What a study will do.

    Attributes:
        study: the study.
        folder: its folder.
        variants: what is varied; the first one is the reference.
        numbers: names of the numbers to compare.
        runs: all runs, by variant and then by seed.
        plugins: plugins that know all scores and probes.
    """

    study: Study
    folder: StudyFolder
    variants: tuple[Variant, ...]
    numbers: tuple[str, ...]
    runs: tuple[PlannedRun, ...]
    plugins: LoadedPlugins

    def missing(self) -> list[PlannedRun]:
        """Return the runs to train, one for each identity: all first seeds come before all second ones."""
        found = {
            run.identity: run
            for run in sorted(self.runs, key=lambda run: (run.seed, run.variant))
            if not self.readings(run) and not self.failure(run)
        }
        return list(found.values())

    def result(self) -> StudyResult:
        """Return what the folder holds."""
        runs = []
        for run in self.runs:
            readings = self.readings(run)
            failure = "" if readings else self.failure(run)
            of = {name: readings.numbers[name] for name in self.numbers} if readings else {}
            cost = readings.cost if readings else None
            findings = readings.findings if readings else ()
            runs.append(RunResult(run.variant, run.seed, run.identity, of, cost, failure, findings))
        study = self.study
        return StudyResult(
            study.name,
            study.overrides,
            self.variants,
            study.seeds,
            self.numbers,
            in_order(runs),
            study.description,
            read_interim(self.folder),
        )

    def readings(self, run: PlannedRun) -> Readings | None:
        """Return what was read from a finished run.

        None if it is not finished, a number is missing, or its folder is damaged; see ``damaged``.
        """
        try:
            return self._readings(run)
        except UserError:
            return None

    def damaged(self) -> list[tuple[PlannedRun, str]]:
        """Return the runs whose folders cannot be read, each with the reason. They count as not finished."""
        found = []
        for run in self.runs:
            try:
                self._readings(run)
            except UserError as error:
                found.append((run, str(error)))
        return found

    def _readings(self, run: PlannedRun) -> Readings | None:
        path = self.folder.run(run.identity)
        if not path.is_dir() or (found := read_readings(path)) is None:
            return None
        if not self.study.untrained and not finished_message(path, run.recipe):
            return None
        return found if found.numbers.keys() >= set(self.numbers) else None

    def failure(self, run: PlannedRun) -> str:
        """Return why a run failed; empty if it did not."""
        try:
            content = read_regular(self.folder.failure(run.identity), MOST_BYTES, follow_links=False)
        except OSError:
            return ""
        return printable(content.decode(errors="replace").strip())[:1000]

    def write_recipes(self, runs: Sequence[PlannedRun]) -> None:
        """Write the recipes of some runs, and what their identities were made of.

        Raises:
            RunError: a file cannot be written.
        """
        for run in runs:
            facts = {"settings": self.variants[run.variant].settings, "seed": run.seed, "facts": run.facts}
            for file, content in (
                (self.folder.recipe(run.identity), as_yaml(as_data(run.recipe))),
                (self.folder.facts(run.identity), json.dumps(facts, indent=1) + "\n"),
            ):
                with writing(file):
                    write_whole(file, content.encode())

    def changes(self) -> Changes:
        """Compare the study with the finished runs in its folder.

        Raises:
            UserError: a finished run would be replaced by another run of the same variant and seed.
        """
        planned = {run.identity for run in self.runs}
        places = {(_as_pairs(self.variants[run.variant].settings), run.seed): run for run in self.runs}
        kept = unasked = 0
        for identity, record in _records(self.folder):
            if not (self.folder.run(identity) / FILE).is_file():
                continue
            if identity in planned:
                kept += 1
                continue
            seed = record.get("seed")
            other = places.get((_as_pairs(record.get("settings")), seed if isinstance(seed, int) else -1))
            if other is not None:
                raise UserError(_reinterpreted(self, other, record.get("facts")))
            unasked += 1
        return Changes(kept, unasked)


def plan_of(
    study: Study,
    folder: Path | None,
    settings: PluginSettings,
    prepared: Callable[[Sequence[LoadedVariant], StudyFolder], Sequence[LoadedVariant]],
) -> Plan:
    """Return what a study will do. Writes nothing itself.

    Args:
        study: the study.
        folder: its folder; default: ``studies/NAME`` of the study file, else of the recipe.
        settings: which plugins may be loaded.
        prepared: returns the variants with the steps and widths that the study's budget and matching give them.

    Raises:
        RecipeError: a variant is no valid recipe.
        UserError: there is no such number, or the data are missing.
    """
    variants = variants_of(study.axes)
    images: dict[str, Images] = {}
    loaded = [_loaded(study, variant, settings, images) for variant in variants]
    plugins = next((one.plugins for one in loaded if one.plugins.third_party), loaded[0].plugins)
    try:
        numbers = expanded(study.read, plugins.registry)
    except UserError as error:
        raise UserError(f"{study.place('read')}read: {error}") from error
    _check_numbers(study, loaded, numbers, plugins)
    home = StudyFolder(Path("studies") / (study.file or study.name) if folder is None else folder)
    ready = prepared(loaded, home)
    runs = [run for index, one in enumerate(ready) for run in _runs(index, one, study)]
    return Plan(study, home, variants, numbers, tuple(runs), plugins)


def _check_numbers(
    study: Study, loaded: Sequence[LoadedVariant], numbers: Sequence[str], plugins: LoadedPlugins
) -> None:
    """Check that the numbers can be read, and that a claim is judged by more than one kind of features."""
    scores = [name for name in numbers if "/" not in name]
    if study.untrained and scores:
        raise UserError(f"{study.place('read')}read: {scores[0]}: without training, only probes read anything")
    for name in scores:
        size = view_of(name)[1].spec
        reasons = [] if size is None else [unresizable(variant.recipe.image.shape[-1], size) for variant in loaded]
        if reason := next(filter(None, reasons), ""):
            raise UserError(f"{study.place('read')}read: {name}: {reason}")
    if study.claim is None:
        return
    try:
        require_known(study.claim, [one.variant.title for one in loaded], numbers)
        for index, one in enumerate(study.claim.expect):
            spaces = {_feature_space(name, loaded[0], plugins) for name in one.numbers}
            if len(spaces) == 1 and not spaces & {"", "pixels"}:
                bare, view = view_of(one.numbers[0])
                other = f"{bare}{replace(view, extractor='random_convolution')}"
                raise UserError(
                    f"claim.expect.{index}: numbers: all of them see images in the same features, and other features "
                    f"may say the opposite. Add another number, e.g. {other}"
                )
    except UserError as error:
        key = str(error).partition(":")[0]
        parts = tuple(int(part) if part.isdecimal() else part for part in key.split("."))
        raise UserError(f"{study.place(*parts)}{error}") from error


def _feature_space(name: str, one: LoadedVariant, plugins: LoadedPlugins) -> str:
    """Return in what a number sees the images of a variant; see ``readings.feature_space``."""
    spec, source = view_of(name)[1].spec, one.recipe.data.component.name
    usual, _ = default_extractor(one.images, source, None if spec is None else spec.shape)
    return feature_space(name, plugins.registry, usual)


def _loaded(study: Study, variant: Variant, settings: PluginSettings, images: dict[str, Images]) -> LoadedVariant:
    overrides = (*study.overrides, *variant.overrides)
    try:
        found: LoadedRecipe = load_recipe(variant.recipe or study.base or "", overrides, settings)
    except RecipeError as error:
        raise _placed(study, variant, error) from error
    require_data(found.recipe)
    recipe = _in_one_precision(with_known_classes(found.recipe))
    data = as_value([as_data(recipe)["data"], as_data(recipe)["image"]])
    if data not in images:
        images[data] = load_images(recipe)
    return LoadedVariant(variant, recipe, found.plugins, images[data], settings)


def reloaded(study: Study, one: LoadedVariant, overrides: Sequence[str]) -> LoadedVariant:
    """Return a variant with more overrides after its own.

    Raises:
        RecipeError: the recipe does not take them.
    """
    texts = (*study.overrides, *one.variant.overrides, *overrides)
    found = load_recipe(one.variant.recipe or study.base or "", texts, one.settings)
    return replace(one, recipe=_in_one_precision(with_known_classes(found.recipe)))


def _in_one_precision(recipe: ResolvedRecipe) -> ResolvedRecipe:
    """Return the recipe with float32 in place of ``auto``: runs would else choose by their speed, each for itself."""
    if recipe.training.precision != "auto":
        return recipe
    return recipe.model_copy(update={"training": recipe.training.model_copy(update={"precision": "float32"})})


def _placed(study: Study, variant: Variant, error: RecipeError) -> RecipeError:
    """Return the error with the places of the study file instead of those of overrides."""
    if study.node is None:
        return error
    keys = [text.partition("=")[0] for text in study.overrides]
    paths: list[tuple[str | int, ...]] = [("overrides", key) for key in keys]
    for axis, (_, value), name in zip(study.axes, variant.settings, variant.names, strict=True):
        if axis.key != RECIPE:
            paths.append(("axes", axis.key, name if axis.named else axis.values.index(value)))
    return RecipeError(at_places(study.node, error, paths))


def _runs(index: int, one: LoadedVariant, study: Study) -> list[PlannedRun]:
    found = []
    for seed in range(study.first_seed, study.first_seed + study.seeds_of(one.variant.title)):
        training = one.recipe.training.model_copy(update={"seed": seed})
        own = one.recipe.model_copy(update={"training": training})
        facts = facts_of(own, one.plugins, one.images, study.threads)
        if study.untrained:
            facts["training.steps"] = 0
        found.append(PlannedRun(index, seed, identity_of(facts), facts, own))
    return found


def _records(folder: StudyFolder) -> list[tuple[str, Mapping[str, Any]]]:
    """Return what the folder says about its runs, by identity; files that cannot be read are left out."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    files = sorted(folder.facts("*").parent.glob("*.json")) if folder.path.is_dir() else []
    for file in files[:MOST_RECORDS]:
        try:
            data = json.loads(read_regular(file, MOST_BYTES, follow_links=False))
        except (OSError, ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            found.append((file.stem, data))
    return found


def _as_pairs(settings: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(settings, list | tuple):
        return ()
    return tuple((str(pair[0]), str(pair[1])) for pair in settings if isinstance(pair, list | tuple) and len(pair) == 2)


def _reinterpreted(plan: Plan, run: PlannedRun, before: Any) -> str:
    old = before if isinstance(before, dict) else {}
    now = json.loads(json.dumps(run.facts))
    keys = [key for key in dict.fromkeys((*old, *now)) if old.get(key) != now.get(key)]
    lines = [f"  {printable(key)[:100]}: {_shown(old.get(key))} there, {_shown(now.get(key))} now" for key in keys[:10]]
    more = [f"  and {len(keys) - 10} more"] if len(keys) > 10 else []
    title = plan.variants[run.variant].title
    head = (
        f"{plan.folder.path}: holds a finished run of {title}, seed {run.seed}, that was trained with other settings. "
        "Its numbers would mean something else in this study: choose another folder with --folder, or take the change "
        "back"
    )
    return "\n".join([head, *lines, *more])


def _shown(value: Any) -> str:
    return "absent" if value is None else printable(as_value(value))[:100]


def described(plan: Plan, missing: int) -> str:
    """Return in one line what a study will do."""
    counts = f"{counted(len(plan.variants), 'variant')} with {counted(plan.study.seeds, 'seed')} each"
    if plan.study.more_seeds:
        counts += f" ({', '.join(f'{more} more of {title}' for title, more in plan.study.more_seeds.items())})"
    left = "all are finished" if not missing else f"{missing} {'is' if missing == 1 else 'are'} to be trained"
    return f"{plan.folder.path}: {counts}, {counted(len(plan.runs), 'run')}; {left}"


def require_same_axes(study: Study, folder: StudyFolder) -> None:
    """Check that a study varies what the study in its folder varies; one that cannot be read is no obstacle.

    Raises:
        UserError: it varies other keys.
    """
    try:
        before = read_study(folder.definition) if folder.definition.is_file() else None
    except UserError:
        return
    old, new = ([axis.key for axis in one.axes] if one else [] for one in (before, study))
    if before is not None and old != new:
        raise UserError(
            f"{folder.path}: holds a study of {', '.join(old)}, and this one is of {', '.join(new)}. Choose another "
            "folder with --folder"
        )
