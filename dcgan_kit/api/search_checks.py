"""What is checked before a search begins: its objective and the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcgan_kit.errors import UserError
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.search import Direction, Search, is_search, read_search
from dcgan_kit.studies.trials import read_record

if TYPE_CHECKING:
    from dcgan_kit.components.registry import Registry
    from dcgan_kit.studies.plan import Plan

DIRECTIONS: dict[str, Direction] = {"lower": "minimize", "higher": "maximize"}
FREE = ("trials", "description", "version")
"""Keys of a search that may change while trials are there: more trials extend it."""


def direction_of(search: Search, registry: Registry) -> Direction:
    """Return whether the objective of a search should be small or large.

    Raises:
        UserError: its score does not say it, and neither does the search; or it is several numbers.
    """
    if "/" in search.objective:
        assert search.direction is not None
        return search.direction
    from dcgan_kit.evaluation.selection import numbers_of_scores

    short = search.objective.partition("@")[0]
    of_scores = numbers_of_scores(registry)
    if not any(short in numbers for numbers in of_scores.values()):
        numbers = ", ".join(of_scores[short])
        raise UserError(
            f"{search.place('objective')}objective: {short} is a score; choose one of its numbers: {numbers}"
        )
    if search.direction is not None:
        return search.direction
    owner = next(score for score, numbers in of_scores.items() if short in numbers)
    better = _score(registry, owner).better[short]
    if better not in DIRECTIONS:
        raise UserError(
            f"{search.place('objective')}objective: neither lower nor higher values of {short} are always better; add "
            "direction: minimize or maximize"
        )
    return DIRECTIONS[better]


def _score(registry: Registry, name: str) -> Any:
    from dcgan_kit.evaluation.selection import build_score
    from dcgan_kit.recipes.resolved import Choice

    component = registry.find("score", name)
    return build_score(Choice(component, dict(component.options()))).score


def require_observed(search: Search, plan: Plan) -> None:
    """Check that training measures the objective at intervals, if trials are stopped early by it.

    Raises:
        UserError: it does not.
    """
    if search.prune is None:
        return
    from dcgan_kit.evaluation.selection import build_score

    training = plan.runs[0].recipe.training
    short = search.objective.partition("@")[0]
    place = search.place("prune")
    if not any(short in build_score(choice).score.better for choice in training.evaluation.scores):
        raise UserError(
            f"{place}prune: training does not measure {short}: add its score to training.evaluation.scores of the "
            "recipe, or as an override"
        )
    if training.evaluation.every >= training.steps:
        raise UserError(
            f"{place}prune: training measures every {training.evaluation.every} steps "
            f"(training.evaluation.every), and a run has {training.steps}; measure more often"
        )


def require_same_search(search: Search, home: StudyFolder) -> None:
    """Check that the trials in a folder belong to this search.

    Raises:
        UserError: they belong to another one, or the folder holds a study that is no search.
    """
    if not home.definition.is_file():
        return
    if not is_search(home.definition):
        raise UserError(f"{home.path}: holds a study with axes; choose another folder with --folder")
    if read_record(home.path, 0) is None:
        return
    before, now = read_search(home.definition).as_data(), search.as_data()
    keys = [key for key in dict.fromkeys((*before, *now)) if key not in FREE and before.get(key) != now.get(key)]
    if keys:
        raise UserError(
            f"{search.place(keys[0])}{keys[0]}: is not what the trials in {home.path} were chosen by. Choose another "
            "folder with --folder, or take the change back"
        )
