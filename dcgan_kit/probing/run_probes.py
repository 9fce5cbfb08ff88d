"""Running all probes once: on a recipe before training, or on a checkpoint of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import tensorflow as tf

from dcgan_kit.adversarial.compiled_steps import Steps
from dcgan_kit.adversarial.session import Session
from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.probe import Finding, Readings
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.loading import load_split_images, messages_about
from dcgan_kit.data.progress import Report
from dcgan_kit.probing.context import FixedBatch
from dcgan_kit.probing.health_line import findings_of
from dcgan_kit.probing.probe_run import NamedProbe, ProbeResults
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.checkpoint import restore_for_inference
from dcgan_kit.runs.environment import choice_so_far
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.warm_start import warm_start


@dataclass(frozen=True)
class Examination:
    """The results of all probes.

    Attributes:
        step: number of steps that the networks were trained for.
        now: readings at this step, by probe name.
        first: readings at step 0, by probe name.
        findings: the findings at this step.
        failed: a line about each probe that failed.
        succeeded: number of probes that gave a reading and did not fail.
        silent: names of probes that gave no reading, because the networks have nothing that they examine.
        components: the component of each probe, by probe name.
    """

    step: int
    now: Mapping[str, Readings]
    first: Mapping[str, Readings]
    findings: tuple[Finding, ...]
    failed: tuple[str, ...]
    succeeded: int
    silent: tuple[str, ...]
    components: Mapping[str, Component]


def examine(
    recipe: ResolvedRecipe,
    probes: Sequence[NamedProbe],
    run: RunFolder | None = None,
    best: bool = False,
    third_party: frozenset[str] = frozenset(),
    note: Callable[[str], None] = lambda message: None,
    report: Report | None = None,
) -> Examination:
    """Run all probes once. For second readings, train some steps in memory. Writes no file.

    Args:
        recipe: the recipe to examine; with ``run``, the recipe of that run.
        probes: the probes to run.
        run: a run folder; None: examine the networks at step 0.
        best: use the best checkpoint instead of the newest.
        third_party: third-party plugins, whose layers may fail.
        note: receives a line about each damaged checkpoint and each file that cannot be read.
        report: receives (done, total) while images are read, if that takes more than two seconds.

    Raises:
        UserError: the recipe cannot be built here, the data are missing, or the run has no complete checkpoint.
    """
    session = Session.create(recipe, None if run is None else choice_so_far(run.path), third_party)
    start = warm_start(recipe, session.state, run)
    if start is not None:
        start.assign(session.state)
    images = load_split_images(recipe, report).training
    for line in messages_about(images):
        note(line)
    batch = FixedBatch(session, images)
    steps = _Steps(session, images)
    first = now = _run_all(batch, probes, steps)
    step = 0
    if run is not None:
        for line in restore_for_inference(run, session.state, best):
            note(line)
        step = session.state.steps_done
        now = _run_all(batch, probes, steps)
    now.diagnose(probes, first.readings)
    failed = {**first.failed, **now.failed}
    succeeded = now.succeeded - failed.keys()
    silent = tuple(probe.name for probe in probes if probe.name not in succeeded and probe.name not in failed)
    lines = tuple(failed.values())
    components = {probe.name: probe.component for probe in probes}
    return Examination(step, now.readings, first.readings, findings_of(now), lines, len(succeeded), silent, components)


def _run_all(batch: FixedBatch, probes: Sequence[NamedProbe], steps: _Steps) -> ProbeResults:
    results, context = ProbeResults(), batch.context()
    for probe in probes:
        results.measure(probe, context)
    memories = [memory for probe in probes if (memory := results.remember(probe, context)) is not None]
    taken = 0
    for memory in sorted(memories, key=lambda memory: memory.after):
        steps.take(memory.after - taken)
        taken = memory.after
        results.compare(memory, batch.context())
    return results


class _Steps:
    """Training steps, which are compiled at the first use."""

    def __init__(self, session: Session, images: Images) -> None:
        self._session, self._images = session, images

    @cached_property
    def _compiled(self) -> Steps:
        return self._session.compile()

    def take(self, count: int) -> None:
        if count > 0:
            first = self._session.state.steps_done
            self._compiled(*self._session.batches(self._images, first, count), tf.constant(first, tf.int64))
