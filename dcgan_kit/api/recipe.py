"""Loaded recipes: their keys, their networks, and advice about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import ComponentError, DataError, Problem, RecipeError, UserError, collect_problems
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.recipes.loading import LoadedRecipe, Source
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.yaml_writer import as_data, as_value, as_yaml, flattened
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import LoadedPlugins
    from dcgan_kit.networks.lint import Advice
    from dcgan_kit.networks.summary import RecipeSummary
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.recipes.resolved import ResolvedRecipe
    from dcgan_kit.runs.warm_start import WarmStart
    from dcgan_kit.terminal.progress import Watcher


def load_recipe(source: Source, /, *overrides: str, settings: PluginSettings | None = None, **keys: Any) -> Recipe:
    """Load a recipe and apply overrides.

    ``load_recipe("lecture-fashion28", "generator.upsample=resize_conv", training={"steps": 2000})``

    Args:
        source: one of: a recipe name; a path, which ends in .yaml or .yml or contains a slash; YAML text, which
            contains a line break; a mapping with the content of a YAML file. For a text or a mapping, paths of parents
            start from the working directory.
        overrides: ``dotted.key=VALUE``, as on the command line.
        settings: which plugins may be loaded; default: the settings of the environment.
        keys: top-level keys of the recipe. They act as the keys of a child recipe: a mapping is merged.

    Raises:
        RecipeError: the recipe has problems; the error lists all of them, each with its place.
        UserError: there is no such recipe, or it cannot be read.
    """
    from dcgan_kit.recipes.loading import load_recipe as loaded_from

    texts = (*overrides, *as_overrides(keys))
    settings = chosen(settings)
    loaded = loaded_from(source, texts, settings)
    warn_of_broken(loaded.plugins)
    return Recipe(loaded, source, texts, settings)


def as_overrides(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Return keyword arguments as ``key=VALUE`` texts."""
    return tuple(f"{key}={as_value(plain_data(value, key))}" for key, value in keys.items())


class Recipe:
    """A loaded and resolved recipe: every key has its value, and every name is replaced by its component.

    Attributes:
        loaded: the resolved recipe, with the plugins that were loaded for it.
        source: the name, path, text or mapping that it was loaded from.
        overrides: the ``dotted.key=VALUE`` texts that were applied.
        settings: which plugins may be loaded.
    """

    def __init__(
        self, loaded: LoadedRecipe, source: Source, overrides: Sequence[str], settings: PluginSettings
    ) -> None:
        self.loaded, self.source, self.overrides, self.settings = loaded, source, tuple(overrides), settings

    def __repr__(self) -> str:
        return f"<Recipe {self.name}>"

    @property
    def resolved(self) -> ResolvedRecipe:
        """The content of the recipe; frozen."""
        return self.loaded.recipe

    def count_classes(self) -> ResolvedRecipe:
        """Return the content of the recipe, where ``condition.classes`` is a number.

        If the recipe says ``auto``, this reads the data and counts. All methods that build networks call this first.

        Raises:
            DataError: the data are missing, or have no labels.
        """
        from dcgan_kit.data.loading import with_known_classes

        self.loaded = replace(self.loaded, recipe=with_known_classes(self.loaded.recipe))
        return self.resolved

    @property
    def plugins(self) -> LoadedPlugins:
        """The plugins that were loaded for it."""
        return self.loaded.plugins

    @property
    def name(self) -> str:
        """The name of the recipe. Run folders take this name."""
        return self.resolved.name

    def as_data(self) -> dict[str, Any]:
        """Return all keys, including defaults, as plain mappings, lists and scalars."""
        return as_data(self.resolved)

    def as_yaml(self) -> str:
        """Return all keys, including defaults, as YAML text. This text loads as the same recipe."""
        return as_yaml(self.as_data())

    def keys(self) -> dict[str, Any]:
        """Return every dotted key with its value: ``{"training.steps": 10000, …}``."""
        return flattened(self.as_data())

    def differences(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """Return the dotted keys whose values differ, each with this recipe's value and the other's.

        A key that a recipe does not have counts as None.
        """
        left, right = self.keys(), other.keys()
        keys = [key for key in dict.fromkeys((*left, *right)) if written_value(left, key) != written_value(right, key)]
        return {key: (left.get(key), right.get(key)) for key in keys}

    def build(self) -> tuple[Any, Any]:
        """Build both networks with their initial weights.

        Returns:
            Two Keras models. The generator maps latent vectors (B, size) to images (B, H, W, C) in the recipe's value
            range. The discriminator maps images to logits (B, 1).

        Raises:
            UserError: a component raised an error, returned a wrong value, or does not fit its place.
        """
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.networks.builder import build_networks

        networks = build_networks(self.count_classes())
        return networks.generator.model, networks.discriminator.model

    def check(self) -> tuple[Advice, ...]:
        """Check everything that can be checked without weights and data, and return advice.

        Raises:
            RecipeError: the recipe has problems; the error lists all of them, each with its place.
        """
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.adversarial.dry_run import require_trainable
        from dcgan_kit.adversarial.training_components import build_parts
        from dcgan_kit.evaluation.observer import require_observable
        from dcgan_kit.networks.builder import build_networks
        from dcgan_kit.networks.lint import check_silence, lint

        recipe = self.count_classes()
        networks, _, parts, _ = collect_problems(
            lambda: build_networks(recipe, symbolic=True),
            lambda: check_silence(recipe),
            lambda: build_parts(recipe),
            lambda: require_observable(recipe),
        )
        try:
            require_trainable(recipe, networks, parts, self.plugins.third_party)
        except ComponentError as error:
            raise RecipeError([Problem(recipe.mark(error.path), dotted(error.path), str(error))]) from error
        return lint(recipe, networks)

    def missing_data(self) -> str:
        """Return why the images or the run to start from cannot be loaded on this machine; empty if no reason is found.

        This is a quick check that does not read the images.
        """
        from dcgan_kit.data.loading import require_data
        from dcgan_kit.runs.warm_start import require_start

        try:
            require_data(self.resolved)
            require_start(self.resolved)
        except (DataError, RecipeError) as error:
            return str(error)
        return ""

    def warm_start(self) -> WarmStart | None:
        """Return how the weights of ``training.start_from`` fit the networks; None if the recipe starts from no run.

        Reads no weights.

        Raises:
            RecipeError: there is no such run on this machine, or no weight fits by path, shape and type.
            UserError: the networks cannot be built.
        """
        if self.resolved.training.start_from is None:
            return None
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.networks.builder import build_networks
        from dcgan_kit.runs.warm_start import fit_of

        return fit_of(self.resolved, build_networks(self.count_classes(), symbolic=True))

    def summary(self) -> RecipeSummary:
        """Return the layers of both networks, with shapes, parameters, operations and receptive fields, and the memory.

        Raises:
            UserError: the networks cannot be built.
        """
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.networks.builder import build_networks
        from dcgan_kit.networks.summary import RecipeSummary, summarize, training_memory

        networks = build_networks(self.count_classes(), symbolic=True)
        training = self.resolved.training
        memory = training_memory(networks, training.batch_size, training.ema > 0)
        return RecipeSummary(summarize(networks.generator), summarize(networks.discriminator), memory)

    def draw(self, output: str | Path, *, unfold: bool = False) -> Path:
        """Draw both networks into one SVG file: maps to scale, components, branches, shapes, parameters.

        Args:
            output: the file; its name ends in ``.svg``. An existing file is replaced.
            unfold: draw each copy of a repeated stage, instead of one for copies that are alike.

        Returns:
            The path of the file.

        Raises:
            UserError: the networks cannot be built, or the name does not end in ``.svg``.
            RunError: the file cannot be written.
        """
        target = Path(output)
        if target.suffix.lower() != ".svg":
            raise UserError(f"{target}: a picture of networks is an SVG; give a name that ends in .svg")
        tensorflow_startup.start_tensorflow()
        from dcgan_kit.networks.builder import build_networks
        from dcgan_kit.reports.network_picture import network_picture
        from dcgan_kit.runs.write_errors import write_requested_file

        networks = build_networks(self.count_classes(), symbolic=True)
        content = network_picture(self.resolved, networks, unfold).encode()
        write_requested_file(target, content)
        note(f"{target}: {len(content) / 2**10:.0f} KiB, the networks of {self.name}")
        return target

    def probe(self, probes: Sequence[str] | None = None, *, watcher: Watcher | None = None) -> Examination:
        """Run probes on the networks before training.

        Some probes compare two steps. For them, this trains a few steps in memory. It writes no file.

        Args:
            probes: ``NAME`` or ``NAME:option=value``; default: all.
            watcher: receives the progress; default: a progress bar on standard error.

        Raises:
            UserError: there is no such probe, the recipe cannot be built here, or the data are missing.
        """
        from dcgan_kit.api.probe import probed

        self.count_classes()
        return probed(self.loaded, self.settings, probes, None, False, watcher)


def written_value(keys: Mapping[str, Any], key: str) -> str:
    """Return the value of a dotted key as an override writes it; ``-`` if the recipe does not have the key."""
    return as_value(keys[key]) if key in keys else "-"


def lint_reason(lint: str) -> str:
    """Return why a lint exists: one sentence. Use it after ``Recipe.check``, because it loads TensorFlow."""
    from dcgan_kit.networks.lint import LINTS

    return LINTS[lint].why


def usual_run(recipe: Recipe, folder: str | Path | None) -> Path:
    """Return the given run folder, or ``runs/NAME`` if None is given."""
    from dcgan_kit.runs.run_plugins import usual_folder

    return usual_folder(recipe.name) if folder is None else Path(folder)
