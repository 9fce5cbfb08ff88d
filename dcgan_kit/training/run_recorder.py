"""Writes a run's files between groups of steps: metrics, sample grids, observers' results, final generators."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from dcgan_kit.adversarial.precision import in_float32
from dcgan_kit.adversarial.session import Session
from dcgan_kit.runs.image_grid import classes_by_row, generated, grid_of, latent_vectors, png_of
from dcgan_kit.runs.metrics_writer import MetricsWriter
from dcgan_kit.runs.required_imports import import_messages
from dcgan_kit.runs.row_labels import row_titles, with_row_labels
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.training.observer import Observation, Observer


class Recorder:
    """Writes a run's files on the chief; on every other worker it does nothing.

    Args:
        session: the training session.
        run: the run folder.
        observers: they read the run between groups of steps.
        note: receives a message for the user.
        class_names: the names of the classes of the images, or nothing.
    """

    def __init__(
        self,
        session: Session,
        run: RunFolder,
        observers: Sequence[Observer],
        note: Callable[[str], None],
        class_names: Sequence[str] = (),
    ) -> None:
        self._session, self._run, self._observers, self._note = session, run, observers, note
        self._recipe = session.recipe
        rows, columns = self._recipe.training.sample_grid
        self._grid_latent = latent_vectors(self._recipe, rows * columns, self._recipe.training.seed)
        self._grid_classes = classes_by_row(self._recipe, rows, columns)
        classes = self._recipe.classes
        self._row_titles = () if classes is None else row_titles(rows, classes, class_names)
        self._writer: MetricsWriter | None = None

    @contextmanager
    def opened(self, first_step: int) -> Iterator[None]:
        """Open the files, and drop lines of steps after ``first_step``, which a stopped run may have left.

        At step 0 all lines are dropped, because observers read step 0 again.
        """
        if not self._session.devices.chief:
            yield
            return
        with MetricsWriter.open(self._run, first_step or -1) as self._writer:
            yield

    def rewind(self, step: int) -> None:
        """Drop the lines of all steps after ``step``, which will run again; at step 0 drop all, as ``opened`` does."""
        if self._writer is not None:
            self._writer.rewind(step or -1)

    def metrics(self, step: int, metrics: Mapping[str, float], images_per_second: float) -> None:
        """Write a line of metrics, and the training speed since the line before."""
        if self._writer is not None:
            self._writer.scalars(step, metrics)
            self._writer.speed(step, images_per_second)

    def sample(self, step: int) -> None:
        """Write a sample grid for each generator: the average if there is one, and the generator itself.

        In TensorBoard, classes are written beside their rows. The file holds the samples alone.
        """
        if self._writer is None:
            return
        rows, columns = self._recipe.training.sample_grid
        for name, generator in self._generators().items():
            with in_float32(self._session.state.networks, self._session.choice.precision):
                images = generated(generator, self._grid_latent, self._recipe.image.range, self._grid_classes)
            grid = grid_of(images, rows, columns)
            self._run.write(self._run.samples / f"step-{step:06d}{name}.png", png_of(grid))
            shown = with_row_labels(grid, self._row_titles) if self._row_titles else grid
            self._writer.image(step, f"samples{name}", shown)

    def observe(self, step: int) -> Iterator[Observation]:
        """Call each observer that is due, write and print its result, and yield it."""
        if self._writer is None:
            return
        for observer in self._observers:
            if not observer.due(step):
                continue
            observation = observer.observe(step)
            if observation.numbers:
                self._writer.scalars(step, observation.numbers)
            for name, image in observation.images.items():
                self._writer.image(step, name, image)
            self._writer.findings(step, observation.findings)
            for line in observation.lines:
                self._note(line)
            yield observation

    def finish(self) -> None:
        """Write the generators as Keras models."""
        if self._writer is None:
            return
        temporary = self._run.path / ".generator.tmp.keras"
        # The averaged generator is written last, because its file marks the run as finished.
        for name, generator in reversed(self._generators().items()):
            target = self._run.raw_generator_file if name else self._run.generator_file
            try:
                with writing(target), in_float32(self._session.state.networks, self._session.choice.precision):
                    temporary.unlink(missing_ok=True)
                    generator.save(temporary)
                    content = temporary.read_bytes()
            finally:
                temporary.unlink(missing_ok=True)
            self._run.write(target, content)
        for line in import_messages(self._session.state.sampled):
            self._note(f"{self._run.generator_file.name} {line}")

    def _generators(self) -> dict[str, Any]:
        """Return the generators by suffix of their file names: the average if there is one, and the generator."""
        state = self._session.state
        raw = state.networks.generator.model
        return {"": raw} if state.averaged is None else {"": state.averaged, "-raw": raw}
