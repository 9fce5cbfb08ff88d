"""A trained generator without its run: the content of a generator file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RunError, UserError
from dcgan_kit.recipes.loading import LoadedRecipe, load_recipe
from dcgan_kit.recipes.recipe_file import MAX_BYTES
from dcgan_kit.runs.generator_file import read_generator_texts, read_generator_variables
from dcgan_kit.runs.sampler import Sampler
from dcgan_kit.runs.variable_archive import expected_arrays

GROUP = "generator"


class StoredGenerator(Sampler):
    """The generator in a generator file, and its recipe.

    Args:
        path: the file.
        settings: which plugins may be loaded.

    Attributes:
        path: the file.
        facts: where the generator comes from.

    Raises:
        RunError: the file cannot be read, or is no generator file.
        UserError: its recipe cannot be loaded.
    """

    def __init__(self, path: Path, settings: PluginSettings) -> None:
        texts = read_generator_texts(path)
        self.path, self.facts = path, texts.facts
        super().__init__(_loaded(path, texts.recipe, texts.facts.name, settings))
        self._model: Any = None

    @property
    def step(self) -> int:
        """Number of steps that the generator was trained."""
        return self.facts.step

    def generator(self, *, raw: bool = False, best: bool = False) -> Any:
        """Return the generator, a Keras model: latent vectors (B, size) → images (B, H, W, C).

        Raises:
            RunError: the file is damaged, or does not hold what is asked for.
        """
        if best:
            raise RunError(f"{self.path}: holds one generator and no other checkpoint; leave out best (--best)")
        if raw and self.facts.average:
            raise RunError(
                f"{self.path}: holds the average of a generator, not the generator itself; leave out raw (--raw)"
            )
        if self._model is None:
            model = self.networks().generator.model
            from dcgan_kit.adversarial.state import variables_by_name

            variables = variables_by_name(GROUP, model.variables)
            for name, value in read_generator_variables(self.path, expected_arrays(variables)).items():
                variables[name].assign(value)
            self._model = model
        return self._model


def _loaded(path: Path, text: str, name: str, settings: PluginSettings) -> LoadedRecipe:
    if len(text) > MAX_BYTES:
        raise RunError(f"{path}: its recipe has {len(text)} characters; a recipe has at most {MAX_BYTES}")
    try:
        # A text without a line break would be taken for the name of a recipe.
        loaded = load_recipe(f"{text}\n", (), settings)
    except UserError as error:
        raise RunError(f"{path}: its recipe cannot be loaded:\n{error}") from error
    return LoadedRecipe(loaded.recipe.model_copy(update={"name": name}), loaded.plugins)
