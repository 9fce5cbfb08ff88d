"""The recipes of a search: whether what it may choose makes valid ones."""

from __future__ import annotations

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import Problem, RecipeError
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.studies.file_keys import at_places
from dcgan_kit.studies.search import Search


def require_valid_recipes(search: Search, settings: PluginSettings) -> None:
    """Check that every value in a list and both ends of every range make a valid recipe.

    Raises:
        RecipeError: one does not; the error has the places of the study file.
    """
    problems: list[Problem] = []
    first = {one.key: one.examples[0] for one in search.space}
    for index, one in enumerate(search.space):
        for number, example in enumerate(one.examples):
            if number == 0 and index > 0:
                continue
            study = search.study_of({**first, one.key: example})
            variant = tuple(f"{axis.key}={axis.values[0]}" for axis in study.axes)
            try:
                load_recipe(search.base, (*search.overrides, *variant), settings)
            except RecipeError as error:
                places = [("overrides", text.partition("=")[0]) for text in search.overrides]
                examples = {other.key: (number if other is one else 0) for other in search.space}
                problems += at_places(search.node, error, [*places, *(o.place(examples[o.key]) for o in search.space)])
    if problems:
        raise RecipeError(problems)
