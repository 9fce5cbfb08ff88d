"""Optuna for a search: it is asked for parameters, and told what became of them.

Nothing of Optuna is kept. Before each trial its study is made again from the trials that ended, and its sampler gets a
seed from the search's seed and the number of the trial. So a trial depends only on the search and on the trials before
it, and not on how often the search was stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from dcgan_kit.errors import UserError
from dcgan_kit.studies.search import Direction, Search
from dcgan_kit.studies.search_space import Choices, Dimension, Setting
from dcgan_kit.studies.trials import Trial

CANDIDATES = 24
"""Optuna's default: candidates among which a trial's parameters are chosen."""
MAJOR = 5


def optuna_version() -> str:
    """Return the version of Optuna.

    Raises:
        UserError: it is not installed, or is another major version.
    """
    return str(_optuna().__version__)


def _optuna() -> Any:
    needed = "a study with search needs Optuna 5: pip install 'dcgan-kit[optuna]'"
    try:
        import optuna
    except ImportError as error:
        raise UserError(f"{needed} ({error})") from error
    if optuna.__version__.partition(".")[0] != str(MAJOR):
        raise UserError(f"{needed} (installed: {optuna.__version__})")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def sampler_options(search: Search) -> dict[str, Any]:
    """Return all options of the sampler ``TPESampler`` but its seed."""
    return {
        "n_startup_trials": search.sampler.startup_trials,
        "n_ei_candidates": CANDIDATES,
        # Keys act together, e.g. the learning rates of both networks.
        "multivariate": True,
        # Every trial has all keys.
        "group": False,
        # Trials run one after the other.
        "constant_liar": False,
    }


def pruner_options(search: Search) -> dict[str, Any] | None:
    """Return all options of the pruner ``PercentilePruner``; None if there is none."""
    if search.prune is None:
        return None
    return {
        "percentile": search.prune.percentile,
        "n_startup_trials": search.prune.startup_trials,
        "n_warmup_steps": search.prune.warmup_steps,
        "interval_steps": 1,
        "n_min_trials": 1,
    }


def seed_of(search: Search, number: int) -> int:
    """Return the seed of the sampler for one trial: 32 bits of a hash."""
    text = f"{search.sampler.seed} {number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def ask(search: Search, direction: Direction, trials: Sequence[Trial]) -> dict[str, Setting]:
    """Return the parameters of the next trial.

    Args:
        search: the search.
        direction: whether the objective should be small or large.
        trials: all trials before it, which have ended.
    """
    optuna = _optuna()
    sampler = optuna.samplers.TPESampler(seed=seed_of(search, len(trials)), **sampler_options(search))
    study = _study(optuna, search, direction, trials, sampler)
    params = study.ask(_distributions(optuna, search.space)).params
    return {one.key: params[one.key] for one in search.space}


class Pruning:
    """Decides at which step a trial is stopped early.

    Args:
        search: the search, with ``prune``.
        direction: whether the objective should be small or large.
        trials: all trials before this one, which have ended.
    """

    def __init__(self, search: Search, direction: Direction, trials: Sequence[Trial]) -> None:
        optuna = _optuna()
        self._trial = _study(optuna, search, direction, trials, None).ask()
        self._last, self._step = -1, -1

    def step(self, reports: Mapping[int, float]) -> int | None:
        """Return the first step whose report stops the trial; None if none does.

        Args:
            reports: all reports so far, by step in rising order. Known ones are not asked about again.
        """
        for step, value in reports.items():
            if step > self._last and self._step < 0:
                self._last = step
                self._trial.report(value, step)
                if self._trial.should_prune():
                    self._step = step
        return None if self._step < 0 else self._step


def _study(optuna: Any, search: Search, direction: Direction, trials: Sequence[Trial], sampler: Any) -> Any:
    options = pruner_options(search)
    pruner = optuna.pruners.NopPruner() if options is None else optuna.pruners.PercentilePruner(**options)
    # In memory, with a sampler that is not asked where only pruning is.
    sampler = optuna.samplers.RandomSampler(seed=0) if sampler is None else sampler
    study = optuna.create_study(direction=direction, sampler=sampler, pruner=pruner)
    distributions = _distributions(optuna, search.space)
    states = optuna.trial.TrialState
    by_state = {"complete": states.COMPLETE, "pruned": states.PRUNED, "failed": states.FAIL}
    study.add_trials(
        [
            optuna.trial.create_trial(
                state=by_state[trial.state],
                value=trial.value if trial.state == "complete" else None,
                params=dict(trial.settings),
                distributions=distributions,
                intermediate_values=dict(trial.reports),
            )
            for trial in trials
        ]
    )
    return study


def _distributions(optuna: Any, space: Sequence[Dimension]) -> dict[str, Any]:
    return {one.key: _distribution(optuna, one) for one in space}


def _distribution(optuna: Any, one: Dimension) -> Any:
    if isinstance(one, Choices):
        return optuna.distributions.CategoricalDistribution(one.values)
    if one.whole:
        return optuna.distributions.IntDistribution(one.low, one.high, log=one.log, step=one.step or 1)
    return optuna.distributions.FloatDistribution(float(one.low), float(one.high), log=one.log, step=one.step)
