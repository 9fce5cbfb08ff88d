"""What a study is: a recipe, what is varied, how often and how long it is trained, and which numbers are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from os.path import commonpath
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dcgan_kit.errors import Problem, RecipeError, UserError, did_you_mean
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.plain_data import plain_data
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.section_types import Strict
from dcgan_kit.recipes.validation import known_keys, problems_of, validated
from dcgan_kit.recipes.yaml_writer import as_value, as_yaml
from dcgan_kit.studies.budget import Budget
from dcgan_kit.studies.claims import Claim, ClaimKeys, claim_of
from dcgan_kit.studies.file_keys import (
    BudgetKeys,
    KeyPath,
    at_key,
    beside,
    budget_of,
    override_data,
    override_texts,
    value_of,
)
from dcgan_kit.studies.variants import RECIPE, Axis, axis_of, unquoted, variants_of

SEEDS = 6
"""With fewer, no difference between two variants can be shown at 5 %."""
MOST_SEEDS = 1000
MOST_THREADS = 1024
SEED, STEPS = "training.seed", "training.steps"


Values = Annotated[tuple[Any, ...], Field(max_length=1000)] | Annotated[Mapping[str, Any], Field(max_length=1000)]
"""The values of a key: a list, or a mapping from short names to values."""


class StudyKeys(Strict):
    """The keys of a study file."""

    version: Literal[1]
    description: Annotated[str, Field(max_length=10_000)] = ""
    base: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    overrides: Mapping[str, Any] = {}
    axes: Annotated[Mapping[str, Values], Field(max_length=20)]
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] = SEEDS
    more_seeds: Annotated[Mapping[str, Annotated[int, Field(ge=1, le=MOST_SEEDS)]], Field(max_length=1000)] = {}
    budget: BudgetKeys | None = None
    read: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    match: Literal["parameters"] | None = None
    threads: Annotated[int, Field(ge=1, le=MOST_THREADS)] = 1
    claim: ClaimKeys | None = None


@dataclass(frozen=True)
class Study:
    """A study, before its recipes are loaded.

    Attributes:
        base: the recipe that the variants change: a name or a path. None if recipes are varied.
        axes: what is varied. The first value of each is the reference.
        seeds: runs of each variant; their ``training.seed`` is 0, 1, 2, …
        read: names of the numbers to compare; see ``studies.readings``.
        overrides: ``dotted.key=VALUE`` texts that all runs share.
        budget: how long each run is trained; None: the steps of its recipe.
        matched: whether widths adapt until variants have equally many parameters.
        threads: threads of each run. Sums are divided among them, so other threads may change last bits.
        description: what the study is about.
        claim: what it is expected to find.
        more_seeds: for some variants by title, how many runs they have beyond ``seeds``.
        untrained: whether probes read the networks before training, and nothing is trained.
        first_seed: the first ``training.seed``; 0 but for trials of a search.
        node: the study file with its places, for messages; None if it was given otherwise.
        file: the name of the study file without its ending; empty if it was given otherwise.
    """

    base: str | None
    axes: tuple[Axis, ...]
    seeds: int
    read: tuple[str, ...]
    overrides: tuple[str, ...] = ()
    budget: Budget | None = None
    matched: bool = False
    threads: int = 1
    description: str = ""
    claim: Claim | None = None
    more_seeds: Mapping[str, int] = field(default_factory=dict)
    untrained: bool = False
    first_seed: int = 0
    node: Node | None = field(default=None, compare=False, repr=False)
    file: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Refuse what no study can be.

        Raises:
            UserError: see ``variants_of``; or the study sets what it varies, or varies what it sets.
        """
        titles = [variant.title for variant in variants_of(self.axes)]
        if self.more_seeds and self.claim is not None:
            raise UserError("more_seeds: a claim gives all variants equally many seeds")
        for title, more in self.more_seeds.items():
            if title not in titles:
                raise UserError(f"more_seeds: there is no variant {title!r}.{did_you_mean(title, titles)}")
            if self.seeds + more > MOST_SEEDS:
                raise UserError(f"more_seeds: {self.seeds} and {more} more seeds are more than {MOST_SEEDS}")
        varied = [axis.key for axis in self.axes]
        shared = [text.partition("=")[0].strip() for text in self.overrides]
        for key in (*varied, *shared):
            if key == SEED:
                raise UserError(f"{SEED}: the study sets it, to 0, 1, 2 and so on; say how many seeds instead")
            if key == STEPS and (self.budget is not None or self.untrained):
                raise UserError(f"{STEPS}: the budget sets it; give one of both")
        both = [key for key in varied if key in shared]
        if both:
            raise UserError(f"{both[0]}: is varied, and also set for all runs; give one of both")
        if (self.base is None) != (RECIPE in varied):
            raise UserError(
                f"base: is missing; name a recipe, or vary {RECIPE!r}"
                if self.base is None
                else f"{RECIPE}: recipes are varied, so leave the base out"
            )

    @property
    def name(self) -> str:
        """The name of its recipe, or of the first one."""
        first = self.base or next(value for axis in self.axes if axis.key == RECIPE for value in axis.values)
        return Path(first.strip('"')).stem

    def as_yaml(self) -> str:
        """Return the text of a study file that means this study."""
        data: dict[str, Any] = {"version": 1}
        if self.description:
            data["description"] = self.description
        if self.base is not None:
            data["base"] = self.base
        if self.overrides:
            data["overrides"] = override_data(self.overrides)
        data["axes"] = {axis.key: _written(axis) for axis in self.axes}
        data["seeds"] = self.seeds
        if self.more_seeds:
            data["more_seeds"] = dict(self.more_seeds)
        if self.untrained:
            data["budget"] = {"steps": 0}
        if self.budget is not None:
            data["budget"] = {self.budget.kind: self.budget.amount}
        data["read"] = list(self.read)
        if self.matched:
            data["match"] = "parameters"
        data["threads"] = self.threads
        if self.claim is not None:
            data["claim"] = self.claim.as_data()
        return as_yaml(data)

    def without_folders(self) -> Study:
        """Return the study with recipes named from the folder that holds them all: a path says nothing elsewhere."""
        varied = [unquoted(value) for axis in self.axes if axis.key == RECIPE for value in axis.values]
        homes = [str(Path(one).parent) for one in (self.base, *varied) if one and Path(one).is_absolute()]
        if not homes:
            return self
        home = commonpath(homes)

        def shortened(recipe: str) -> str:
            return str(Path(recipe).relative_to(home)) if Path(recipe).is_absolute() else recipe

        def plain(axis: Axis) -> Axis:
            if axis.key != RECIPE:
                return axis
            values = tuple(as_value(shortened(unquoted(value))) for value in axis.values)
            return replace(axis, values=values)

        base = None if self.base is None else shortened(self.base)
        return replace(self, base=base, axes=tuple(map(plain, self.axes)))

    def seeds_of(self, title: str) -> int:
        """Return how many runs a variant has."""
        return self.seeds + self.more_seeds.get(title, 0)

    def place(self, *path: str | int) -> str:
        """Return the place of a key in the study file, as the start of a message; empty without a file."""
        return "" if self.node is None else f"{self.node.locate(path).place}: "


def _written(axis: Axis) -> Any:
    values = [value_of(value) for value in axis.values]
    return dict(zip(axis.names, values, strict=True)) if axis.named else values


def read_study(path: Path) -> Study:
    """Read a study file. A path in it starts from its folder.

    Raises:
        RecipeError: the file has problems; the error lists all of them, each with its place.
        UserError: it cannot be read.
    """
    node = read_file(path)
    if (searched := node.child("search")) is not None:
        raise RecipeError([Problem(searched.place, "search", "this is a search, which has trials instead of variants")])
    problems = problems_of(StudyKeys, node, (), _unknown)
    if problems:
        raise RecipeError(problems)
    return _made(node, validated(StudyKeys, node), path)


def is_study(path: Path) -> bool:
    """Return whether a file has the keys of a study; False if it cannot be read."""
    try:
        return path.is_file() and read_file(path).child("axes") is not None
    except UserError:
        return False


def _made(node: Node, keys: StudyKeys, path: Path) -> Study:
    axes, problems = [], []
    for key, values in keys.axes.items():
        place = node.locate(("axes", key))
        try:
            axes.append(axis_of(key, _values(key, values, path)))
        except UserError as error:
            problems.append(Problem(place.place, f"axes.{key}", str(error).removeprefix(f"{key}: ")))
    paid, wrong = budget_of(node, keys.budget)
    problems += wrong
    if problems:
        raise RecipeError(problems)
    untrained = paid == ("steps", 0)
    try:
        return Study(
            base=None if keys.base is None else beside(keys.base, path),
            axes=tuple(axes),
            seeds=keys.seeds,
            more_seeds=dict(keys.more_seeds),
            read=keys.read,
            overrides=override_texts(keys.overrides),
            budget=None if untrained or paid is None else Budget(*paid),
            untrained=untrained,
            matched=keys.match is not None,
            threads=keys.threads,
            description=keys.description,
            claim=None if keys.claim is None else claim_of(keys.claim),
            node=node,
            file=path.stem,
        )
    except UserError as error:
        raise at_key(node, error, ("axes", "overrides")) from error


def _values(key: str, given: Any, path: Path) -> Any:
    """Return the values of an axis as plain data; paths of recipes become absolute."""

    def plain(value: Any) -> Any:
        return beside(value, path) if key == RECIPE and isinstance(value, str) else plain_data(value)

    listed = not isinstance(given, Mapping) and all(isinstance(value, str) for value in given)
    if key == RECIPE and listed and len(set(given)) == len(given):
        # Recipes in a list are called what the file calls them, wherever it lies.
        given = {value: value for value in given}
    if isinstance(given, Mapping):
        return {name: plain(value) for name, value in given.items()}
    return [plain(value) for value in given]


def _unknown(path: KeyPath) -> str:
    names = known_keys(StudyKeys, path[:-1])
    return f"a study has no such key.{did_you_mean(str(path[-1]), names)}"
