"""A recipe that was loaded: what it says, its networks, advice about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.catalogue import chosen, warn_of_broken
from dcgan_kit.components.plugin_loading import PluginSettings
from dcgan_kit.errors import ComponentError, DataError, Problem, RecipeError, collect_problems
from dcgan_kit.recipes.loading import LoadedRecipe, Source
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.yaml_writer import as_data, as_value, as_yaml, flattened

if TYPE_CHECKING:
    from dcgan_kit.components.plugin_loading import LoadedPlugins
    from dcgan_kit.networks.lint import Advice
    from dcgan_kit.networks.summary import RecipeSummary
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.recipes.resolved import ResolvedRecipe
    from dcgan_kit.training.observer import Watcher


def load_recipe(source: Source, /, *overrides: str, settings: PluginSettings | None = None, **keys: Any) -> Recipe:
    """Load a recipe, with overrides.

    ``load_recipe("lecture-fashion28", "generator.upsample=resize_conv", training={"steps": 2000})``

    Args:
        source: the name of a recipe; a path that ends in .yaml or .yml or has a slash; YAML text, which has a line
            break; or a mapping as YAML would give it. Parents of a text or a mapping are looked for from the working
            directory.
        overrides: ``dotted.key=VALUE``, as on the command line.
        settings: which plugins may be loaded; default: as the environment says.
        keys: top-level keys of the recipe. Each means what a child recipe would that says the same: a mapping is
            merged.

    Raises:
        RecipeError: every problem of the recipe, each with its place.
        UserError: there is no such recipe, or it cannot be read.
    """
    from dcgan_kit.recipes.loading import load_recipe as loaded_from

    loaded = loaded_from(source, (*overrides, *as_overrides(keys)), chosen(settings))
    warn_of_broken(loaded.plugins)
    return Recipe(loaded, source, (*overrides, *as_overrides(keys)), chosen(settings))


def as_overrides(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Return keyword arguments as ``key=VALUE`` texts."""
    return tuple(f"{key}={as_value(plain_data(value, key))}" for key, value in keys.items())


class Recipe:
    """A recipe that was loaded and resolved: every default is filled in, every name is a component.

    Attributes:
        resolved: what it says; frozen.
        plugins: the plugins that were loaded to understand it.
        source: what it was loaded from.
        overrides: ``dotted.key=VALUE`` texts that changed it.
        settings: which plugins might be loaded.
    """

    def __init__(
        self, loaded: LoadedRecipe, source: Source, overrides: Sequence[str], settings: PluginSettings
    ) -> None:
        self.resolved: ResolvedRecipe = loaded.recipe
        self.plugins: LoadedPlugins = loaded.plugins
        self.source, self.overrides, self.settings = source, tuple(overrides), settings

    def __repr__(self) -> str:
        return f"<Recipe {self.name}>"

    @property
    def name(self) -> str:
        """Its name; runs are called after it."""
        return self.resolved.name

    def as_data(self) -> dict[str, Any]:
        """Return what it says, every default written out, as plain mappings, lists and scalars."""
        return as_data(self.resolved)

    def as_yaml(self) -> str:
        """Return the same as YAML text, which loads as the same recipe again."""
        return as_yaml(self.as_data())

    def keys(self) -> dict[str, Any]:
        """Return every dotted key with its value: ``{"training.steps": 10000, …}``."""
        return flattened(self.as_data())

    def differences(self, other: Recipe) -> dict[str, tuple[Any, Any]]:
        """Return the dotted keys in which two recipes differ: this value and the other, None for no such key."""
        left, right = self.keys(), other.keys()
        keys = [key for key in dict.fromkeys((*left, *right)) if _said(left, key) != _said(right, key)]
        return {key: (left.get(key), right.get(key)) for key in keys}

    def build(self) -> tuple[Any, Any]:
        """Build the networks with first weights.

        Returns:
            Keras models: the generator, latent vectors (B, size) to images (B, H, W, C) in the recipe's range; the
            discriminator, images to logits (B, 1).

        Raises:
            UserError: a component raised, returned something else than it must, or does not fit its place.
        """
        _start_tensorflow()
        from dcgan_kit.networks.builder import build_networks

        networks = build_networks(self.resolved)
        return networks.generator.model, networks.discriminator.model

    def check(self) -> tuple[Advice, ...]:
        """Validate all that can be validated without weights and data, and return advice.

        Raises:
            RecipeError: every problem, each with its place.
        """
        _start_tensorflow()
        from dcgan_kit.adversarial.dry_run import require_trainable
        from dcgan_kit.adversarial.training_components import build_parts
        from dcgan_kit.evaluation.observer import require_observable
        from dcgan_kit.networks.builder import build_networks
        from dcgan_kit.networks.lint import check_silence, lint

        recipe = self.resolved
        networks, _, parts, _ = collect_problems(
            lambda: build_networks(recipe, symbolic=True),
            lambda: check_silence(recipe),
            lambda: build_parts(recipe),
            lambda: require_observable(recipe),
        )
        try:
            require_trainable(recipe, networks, parts, self.plugins.strangers)
        except ComponentError as error:
            raise RecipeError([Problem(recipe.mark(error.path), dotted(error.path), str(error))]) from error
        return lint(recipe, networks)

    def missing_data(self) -> str:
        """Return what keeps the images from being loaded on this machine, as far as a look shows it; else empty."""
        from dcgan_kit.data.loading import require_data

        try:
            require_data(self.resolved)
        except DataError as error:
            return str(error)
        return ""

    def summary(self) -> RecipeSummary:
        """Return the layers of both networks: shapes, parameters, operations, receptive fields; and the memory.

        Raises:
            UserError: the networks cannot be built.
        """
        _start_tensorflow()
        from dcgan_kit.networks.builder import build_networks
        from dcgan_kit.networks.summary import RecipeSummary, summarize, training_memory

        networks = build_networks(self.resolved, symbolic=True)
        training = self.resolved.training
        memory = training_memory(networks, training.batch_size, training.ema > 0)
        return RecipeSummary(summarize(networks.generator), summarize(networks.discriminator), memory)

    def probe(self, probes: Sequence[str] | None = None, *, watcher: Watcher | None = None) -> Examination:
        """Look into the networks before they are trained.

        Trains a few steps in memory for what shows only between two of them, and writes nothing.

        Args:
            probes: ``NAME`` or ``NAME:option=value``; default: all.
            watcher: who is told how far it is; default: a progress bar on standard error.

        Raises:
            UserError: there is no such probe, the recipe cannot be built here, or the data are missing.
        """
        from dcgan_kit.api.probe import probed

        return probed(self.resolved, self.plugins, self.settings, probes, None, False, watcher)


def _start_tensorflow() -> None:
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()


def _said(flat: Mapping[str, Any], key: str) -> str:
    return as_value(flat[key]) if key in flat else "-"


def usual_run(recipe: Recipe, folder: str | Path | None) -> Path:
    """Return the run folder: as given, else ``runs/NAME``."""
    from dcgan_kit.runs.run_plugins import usual_folder

    return usual_folder(recipe.name) if folder is None else Path(folder)
