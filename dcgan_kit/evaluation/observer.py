"""Observers of training: scores with their floors at each evaluation, and the health of both networks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from dcgan_kit.adversarial.precision import in_float32
from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.contracts.probe import Finding
from dcgan_kit.components.contracts.score import Extractor
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.data.power_spectrum import power_spectrum
from dcgan_kit.data.progress import reporting_to
from dcgan_kit.errors import ComponentError, Problem, RecipeError, collect_problems, counted, did_you_mean
from dcgan_kit.evaluation.evaluator import Evaluator, Number, split_reference
from dcgan_kit.evaluation.generated_batches import generated_pixels
from dcgan_kit.evaluation.selection import (
    ChosenExtractor,
    ChosenScore,
    build_extractor,
    build_score,
    choice_of,
    default_extractor,
    unusable,
)
from dcgan_kit.probing.probe_run import build_probes
from dcgan_kit.probing.schedule import ProbeWatch
from dcgan_kit.recipes.key_conflicts import LOSS_METRICS
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe
from dcgan_kit.terminal.progress import Watcher
from dcgan_kit.training.observer import Observation, Observer

FEWEST = 4
"""Smallest number of images that can be divided into a reference and a set for the floor."""
_MODES = {"lower": "lowest", "higher": "highest"}
SPECTRUM_IMAGES = 256
"""Number of images whose power is averaged in the picture of a spectrum."""


def observers_of(session: Session, images: Images, held_out: Images, watcher: Watcher) -> Sequence[Observer]:
    """Return the observers that the recipe of a run asks for; see ``dcgan_kit.training.observer``.

    Raises:
        UserError: a probe, a score or the extractor cannot be built, or cannot be used with these images.
    """
    require_observable(session.recipe)
    training = session.recipe.training
    observers: list[Observer] = []
    if training.probing.probes:
        observers.append(Health(session, images))
    if training.evaluation.scores:
        observers.append(Evaluations(session, images, held_out, watcher))
    return observers


def require_observable(recipe: ResolvedRecipe) -> None:
    """Check that a recipe's probes and scores can be used, as far as the recipe alone shows.

    The images or the extractor can still make a score impossible.

    Raises:
        ComponentError: a probe or a score cannot be built.
        RecipeError: they do not fit the recipe; the error lists every reason, each with its place.
    """
    build_probes(recipe.training.probing.probes)
    scores = tuple(build_score(choice) for choice in recipe.training.evaluation.scores)
    collect_problems(
        lambda: _require_known_best(recipe, scores),
        lambda: _require_possible(recipe, scores, None, recipe.training.held_out > 0),
        lambda: _require_probes_to_stop(recipe),
    )


class Health:
    """Runs the recipe's probes and reports their findings.

    It prints the health line at each evaluation. It prints a new finding at once if two readings in a row show it.
    """

    def __init__(self, session: Session, images: Images) -> None:
        training = session.recipe.training
        self._every = training.evaluation.every
        self._stop = training.on_finding == "stop"
        probes = build_probes(training.probing.probes)
        self._watch = ProbeWatch(session, images, probes, training.probing.every, self._every)
        self._steps = training.steps
        self._printed: set[tuple[str, str]] = set()

    def due(self, step: int) -> bool:
        """Whether a probe is due at this step."""
        return self._watch.due(step)

    def observe(self, step: int) -> Observation:
        """Run the probes that are due."""
        inspection = self._watch.inspect(step)
        fresh = [finding for finding in inspection.lasting if (finding.disease, finding.where) not in self._printed]
        # Expensive probes run less often. Their findings stay valid until they run again.
        self._printed = (self._printed | {(finding.disease, finding.where) for finding in fresh}) & inspection.current
        evaluated = step % self._every == 0 or step == self._steps
        lines = [f"step {step}: {inspection.health}"] if evaluated and inspection.health else []
        lines += [f"step {step}: {finding}. Try {finding.advice}{_page(finding)}" for finding in fresh]
        return Observation(
            numbers=inspection.scalars,
            findings=[finding.as_data() for finding in (*inspection.findings, *inspection.failures)],
            lines=[*lines, *inspection.notes],
            stop=f"{inspection.lasting[0]}; training.on_finding: stop" if self._stop and inspection.lasting else "",
        )

    def memory(self) -> Any:
        """Return the latest findings, and which of them were printed."""
        return {"printed": self._printed, "watch": self._watch.memory()}

    def recall(self, memory: Any) -> None:
        """Restore the state that ``memory`` returned."""
        self._printed = set(memory["printed"])
        self._watch.recall(memory["watch"])


class Evaluations:
    """Compares samples with real images by the recipe's scores."""

    def __init__(self, session: Session, images: Images, held_out: Images, watcher: Watcher) -> None:
        self._session, self._images = session, images
        self._recipe, self._plan = session.recipe, session.recipe.training.evaluation
        scores = tuple(build_score(choice) for choice in self._plan.scores)
        self._evaluator: Evaluator | None = None
        self._goes_on = True
        if not session.devices.chief:
            return
        if len(images) < FEWEST:
            watcher.note(f"no scores: {counted(len(images), 'image')}, too few to compare samples with")
            return
        with reporting_to(partial(watcher.preparation, "preparing the extractor")):
            extractor, reason = _extractor(self._recipe, images)
        _require_possible(self._recipe, scores, extractor.extractor, bool(len(held_out)))
        reals = split_reference(images, held_out)
        # Recipes inherit scores. A score without a value for these images gives a note and does not stop training.
        self._evaluator = Evaluator(
            reals, extractor, scores, self._plan.samples, optional=True, report=watcher.preparation, note=watcher.note
        )
        against = "held-out images" if reals.held_out else "training images (training.held_out would hold some out)"
        watcher.note(f"scores against {against}, features by {extractor.name}: {reason}")

    def due(self, step: int) -> bool:
        """Whether an evaluation is due: every ``training.evaluation.every`` steps, and at the end."""
        return step > 0 and (step % self._plan.every == 0 or step == self._recipe.training.steps)

    def observe(self, step: int) -> Observation:
        """Generate samples and evaluate them."""
        if self._evaluator is None or not self._goes_on:
            return Observation()
        state = self._session.state
        with in_float32(state.networks, self._session.choice.precision):
            drawn = generated_pixels(self._recipe, state.sampled, self._plan.samples, self._images)
            samples = next(generated_pixels(self._recipe, state.sampled, SPECTRUM_IMAGES, self._images))
            try:
                numbers = self._evaluator.evaluate(drawn)
            except ComponentError as error:
                # A failing extractor must not stop training. A failing score is only left out by the evaluator.
                self._goes_on = False
                return Observation(lines=[f"step {step}: {error}; there are no more evaluations in this training"])
        named = self._recipe.training.best.metric
        best = next((number for number in numbers if number.number == named), None)
        evenly = np.linspace(0, len(self._images) - 1, min(len(self._images), len(samples))).round().astype(np.int64)
        return Observation(
            numbers={
                **{number.name: number.value for number in numbers},
                **{f"floor/{number.name}": number.floor for number in numbers if number.floor is not None},
            },
            images={"spectrum": spectrum(samples, self._images.batch(evenly))},
            lines=[f"step {step}: {'  '.join(map(_number_text, numbers))}"] if numbers else [],
            best=None if best is None else best.value,
            measured="" if best is None else best.name,
        )

    def memory(self) -> Any:
        """Return whether evaluations continue."""
        return {"goes_on": self._goes_on}

    def recall(self, memory: Any) -> None:
        """Restore the state that ``memory`` returned."""
        self._goes_on = bool(memory["goes_on"])


def spectrum(fake: Any, real: Any) -> Any:
    """Draw the mean power spectra of samples and of real images side by side, on one logarithmic scale.

    Args:
        fake: samples, uint8 (N, H, W, C).
        real: real images, uint8 (N, H, W, C).

    Returns:
        uint8 (H, 2W, 1). Samples are left, real images right. Frequency 0 is in the middle of each half.
    """
    powers = []
    for pixels in (fake, real):
        power = power_spectrum(pixels)
        powers.append(np.fft.fftshift(np.log10(power.size * power + 1.0)))
    joined = np.concatenate(powers, 1)
    return np.rint(255.0 * joined / max(joined.max(), 1e-12)).astype(np.uint8)[:, :, None]


def _number_text(number: Number) -> str:
    floor = "" if number.floor is None else f" (real {number.floor:.3g})"
    return f"{number.number} {number.value:.3g}{floor}"


def _extractor(recipe: ResolvedRecipe, images: Images) -> tuple[ChosenExtractor, str]:
    choice = recipe.training.evaluation.extractor
    if choice is not None:
        return build_extractor(choice, images), "as the recipe says"
    name, reason = default_extractor(images, recipe.data.component.name)
    return build_extractor(choice_of("extractor", name, load_builtins().registry), images), reason


def _require_known_best(recipe: ResolvedRecipe, scores: Sequence[ChosenScore]) -> None:
    metric, mode = recipe.training.best.metric, recipe.training.best.mode
    if metric is None or metric in LOSS_METRICS:
        return
    known = {name: better for chosen in scores for name, better in chosen.score.better.items()}
    names = sorted(name for name, better in known.items() if better in _MODES)
    key, message = (
        "metric",
        f"no score in training.evaluation.scores has such a number to choose the best by (given: {metric!r})",
    )
    if metric in names:
        if _MODES[known[metric]] == mode:
            return
        key, message = "mode", f"{known[metric]} values of {metric} are better: set {_MODES[known[metric]]}"
    else:
        message += f".{did_you_mean(metric, names)}" if names else ""
    path = ("training", "best", key)
    raise RecipeError([Problem(recipe.mark(path), dotted(path), message)])


def _require_possible(
    recipe: ResolvedRecipe, scores: Sequence[ChosenScore], extractor: Extractor | None, held_out: bool
) -> None:
    choices: Sequence[Choice] = recipe.training.evaluation.scores
    problems = [
        Problem(recipe.mark(choice.path), dotted(choice.path), f"{choice.component.name} cannot be used: {reason}")
        for choice, chosen in zip(choices, scores, strict=True)
        if (reason := unusable(chosen, extractor, held_out))
    ]
    if problems:
        raise RecipeError(problems)


def _require_probes_to_stop(recipe: ResolvedRecipe) -> None:
    training = recipe.training
    if training.on_finding == "stop" and not training.probing.probes:
        path = ("training", "on_finding")
        message = "only probes can stop the training, and the recipe has none: name some in training.probing.probes"
        raise RecipeError([Problem(recipe.mark(path), dotted(path), message)])


def _page(finding: Finding) -> str:
    if not finding.page:
        return ""
    return f" ({finding.page if '://' in finding.page else f'docs/{finding.page}'})"
