"""What a search is: a recipe, keys whose values are searched, and the number that judges them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit.errors import Problem, RecipeError, UserError, did_you_mean
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.section_types import Strict
from dcgan_kit.recipes.validation import known_keys, problems_of, validated
from dcgan_kit.recipes.yaml_writer import as_yaml
from dcgan_kit.studies.budget import Budget
from dcgan_kit.studies.definition import MOST_SEEDS, MOST_THREADS, Study
from dcgan_kit.studies.file_keys import BudgetKeys, at_key, beside, budget_of, override_data, override_texts
from dcgan_kit.studies.search_space import Dimension, Setting, dimension_of
from dcgan_kit.studies.variants import RECIPE, Axis

MOST_TRIALS = 1000
FIRST_SEED = MOST_SEEDS
"""Seeds of trials begin here. Those of studies end before it, so a later study of the best trial has fresh ones."""
Direction = Literal["minimize", "maximize"]


class SamplerKeys(Strict):
    """Options of the sampler, a tree-structured Parzen estimator."""

    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    startup_trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 10


class PruneKeys(Strict):
    """When a trial is stopped early: its best score so far is worse than a percentile of those of earlier trials."""

    percentile: Annotated[float, Field(gt=0, lt=100)] = 50.0
    startup_trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)] = 5
    warmup_steps: Annotated[int, Field(ge=0, le=10**9)] = 0


class SearchKeys(Strict):
    """The keys of a study file with ``search``."""

    version: Literal[1]
    description: Annotated[str, Field(max_length=10_000)] = ""
    base: Annotated[str, Field(min_length=1, max_length=4096)]
    overrides: Mapping[str, Any] = {}
    search: Annotated[Mapping[str, Any], Field(min_length=1, max_length=50)]
    trials: Annotated[int, Field(ge=1, le=MOST_TRIALS)]
    objective: Annotated[str, Field(min_length=1, max_length=1000)]
    direction: Direction | None = None
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] = 1
    budget: BudgetKeys | None = None
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] = 1
    sampler: SamplerKeys = SamplerKeys()
    prune: PruneKeys | None = None


@dataclass(frozen=True)
class Search:
    """A search, before its recipes are loaded.

    Attributes:
        base: the recipe: a name or a path.
        space: what is searched.
        trials: how many combinations are trained.
        objective: name of the number that judges a trial; see ``studies.readings``.
        direction: whether the number should be small or large; None: what its score says.
        seeds: runs of each trial; its value is their mean.
        overrides: ``dotted.key=VALUE`` texts that all runs share.
        budget: how long each run is trained; None: the steps of its recipe.
        threads: threads of each run.
        sampler: options of the sampler.
        prune: when a trial is stopped early; None: never.
        description: what the search is about.
        node: the study file with its places, for messages.
    """

    base: str
    space: tuple[Dimension, ...]
    trials: int
    objective: str
    direction: Direction | None = None
    seeds: int = 1
    overrides: tuple[str, ...] = ()
    budget: Budget | None = None
    threads: int = 1
    sampler: SamplerKeys = field(default_factory=SamplerKeys)
    prune: PruneKeys | None = None
    description: str = ""
    node: Node | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse what no search can be.

        Raises:
            UserError: the search sets what it searches, or its objective has no direction.
        """
        if any(one.key == RECIPE for one in self.space):
            raise UserError(f"{RECIPE}: recipes cannot be searched; compare them with axes")
        if "/" in self.objective and self.direction is None:
            raise UserError("direction: is missing; readings of probes need minimize or maximize")
        if self.prune is not None and self.seeds > 1:
            raise UserError("prune: needs seeds: 1, because a trial is one run then")
        if self.prune is not None and "/" in self.objective:
            raise UserError("prune: needs a score as the objective, because training measures scores at intervals")
        self.study_of({one.key: one.examples[0] for one in self.space})

    @property
    def name(self) -> str:
        """A name for its folder."""
        return f"{Path(self.base).stem}-search"

    def study_of(self, settings: Mapping[str, Setting]) -> Study:
        """Return a study with one variant: a trial.

        Raises:
            UserError: see ``Study``.
        """
        texts = [(one.key, one.text(settings[one.key])) for one in self.space]
        return Study(
            base=self.base,
            axes=tuple(Axis(key, (text,), (text,)) for key, text in texts),
            seeds=self.seeds,
            read=(self.objective,),
            overrides=self.overrides,
            budget=self.budget,
            threads=self.threads,
            first_seed=FIRST_SEED,
        )

    def as_data(self) -> dict[str, Any]:
        """Return the content of a study file that means this search, with all options written out."""
        overrides = override_data(self.overrides)
        return {
            "version": 1,
            **({"description": self.description} if self.description else {}),
            "base": self.base,
            **({"overrides": overrides} if overrides else {}),
            "search": {one.key: one.as_data() for one in self.space},
            "trials": self.trials,
            "objective": self.objective,
            **({"direction": self.direction} if self.direction else {}),
            "seeds": self.seeds,
            **({"budget": {self.budget.kind: self.budget.amount}} if self.budget else {}),
            "threads": self.threads,
            "sampler": self.sampler.model_dump(),
            **({"prune": self.prune.model_dump()} if self.prune else {}),
        }

    def as_yaml(self) -> str:
        """Return ``as_data`` as text."""
        return as_yaml(self.as_data())

    def place(self, *path: str | int) -> str:
        """Return the place of a key in the study file, as the start of a message; empty without a file."""
        return "" if self.node is None else f"{self.node.locate(path).place}: "


def is_search(path: Path) -> bool:
    """Return whether a file is a study file with ``search``; False if it cannot be read."""
    try:
        return path.is_file() and read_file(path).child("search") is not None
    except UserError:
        return False


def read_search(path: Path) -> Search:
    """Read a study file with ``search``. A path in it starts from its folder.

    Raises:
        RecipeError: the file has problems; the error lists all of them, each with its place.
        UserError: it cannot be read.
    """
    node = read_file(path)
    problems = problems_of(SearchKeys, node, (), _unknown)
    if problems:
        raise RecipeError(problems)
    keys = validated(SearchKeys, node)
    space = []
    for key, given in keys.search.items():
        try:
            space.append(dimension_of(key, given))
        except UserError as error:
            problems.append(Problem(node.locate(("search", key)).place, f"search.{key}", str(error)))
    paid, wrong = budget_of(node, keys.budget)
    problems += wrong
    if problems:
        raise RecipeError(problems)
    try:
        return Search(
            base=beside(keys.base, path),
            space=tuple(space),
            trials=keys.trials,
            objective=keys.objective,
            direction=keys.direction,
            seeds=keys.seeds,
            overrides=override_texts(keys.overrides),
            budget=None if paid is None else Budget(*paid),
            threads=keys.threads,
            sampler=keys.sampler,
            prune=keys.prune,
            description=keys.description,
            node=node,
        )
    except UserError as error:
        raise at_key(node, error, ("search", "overrides")) from error


def _unknown(path: tuple[str | int, ...]) -> str:
    if path == ("axes",):
        return "a study has axes or search, not both"
    names = known_keys(SearchKeys, path[:-1])
    return f"a study with search has no such key.{did_you_mean(str(path[-1]), names)}"
