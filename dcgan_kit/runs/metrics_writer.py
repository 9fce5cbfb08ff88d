"""Writes metrics and findings as lines of JSON, and metrics and images to TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import tensorflow as tf

from dcgan_kit.errors import RunError
from dcgan_kit.files import append_regular, open_regular, replacing
from dcgan_kit.runs.run_folder import MAX_LINE_BYTES, RunFolder
from dcgan_kit.runs.write_errors import writing

MAX_FILE_BYTES = 4 * 2**30
"""Most bytes of a file of lines to which a run appends."""


class MetricsWriter:
    """Appends metrics to ``metrics.jsonl`` and to TensorBoard's event file, and findings to ``findings.jsonl``.

    The training speed depends on the clock, so it goes to a separate file, ``speed.jsonl``. The other files are the
    same, bit for bit, no matter how often a run was stopped.
    """

    @staticmethod
    @contextmanager
    def open(run: RunFolder, first_step: int) -> Iterator[MetricsWriter]:
        """Open the files, and close them at the end; see ``__init__``."""
        writer = MetricsWriter(run, first_step)
        try:
            yield writer
        finally:
            writer.close()

    def __init__(self, run: RunFolder, first_step: int) -> None:
        """Open the files, and drop lines of steps after ``first_step``, which a stopped run may have left."""
        self._run = run
        self.rewind(first_step)
        self._board = tf.summary.create_file_writer(str(run.tensorboard))

    def rewind(self, step: int) -> None:
        """Drop the lines of all steps after ``step``, which will run again."""
        for file in (self._run.metrics_file, self._run.findings_file, self._run.speed_file):
            with writing(file):
                _drop_after(file, step)
        with writing(self._run.metrics_file):
            append_regular(self._run.metrics_file, b"")

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write one line of numbers."""
        _append(self._run.metrics_file, [{"step": step, **values}])
        self._show(step, values)

    def speed(self, step: int, images_per_second: float) -> None:
        """Write the training speed up to a step."""
        values = {"images_per_second": images_per_second}
        _append(self._run.speed_file, [{"step": step, **values}])
        self._show(step, values)

    def findings(self, step: int, findings: Sequence[Mapping[str, Any]]) -> None:
        """Write one line for each finding."""
        if findings:
            _append(self._run.findings_file, [{"step": step, **finding} for finding in findings])

    def image(self, step: int, name: str, image: Any) -> None:
        """Write one uint8 image (H, W, C) to TensorBoard."""
        with _board(self._run), self._board.as_default():
            tf.summary.image(name, image[None], step=np.int64(step))

    def close(self) -> None:
        """Flush and close TensorBoard's event file."""
        with _board(self._run):
            self._board.close()

    def _show(self, step: int, values: Mapping[str, float]) -> None:
        with _board(self._run), self._board.as_default():
            for name, value in values.items():
                # NumPy numbers, because TensorFlow never frees the Python numbers that it receives.
                tf.summary.scalar(name, np.float32(value), step=np.int64(step))


class _board:
    """Turns TensorBoard's write errors, such as a full disk, into ``RunError``."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, tf.errors.OpError):
            raise RunError(f"{self._run.tensorboard}: cannot be written: {error.message}") from error


def _append(file: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    with writing(file):
        append_regular(file, "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines).encode())


def _drop_after(file: Path, step: int) -> None:
    """Rewrite a file of lines without those of later steps, and without lines that a kill cut short."""
    try:
        stream = open_regular(file, follow_links=False)
    except FileNotFoundError:
        return
    with stream:
        if stream.seek(0, 2) > MAX_FILE_BYTES:
            raise RunError(f"{file}: is larger than {MAX_FILE_BYTES // 2**30} GiB, which no run writes. Move it away")
        stream.seek(0)
        with replacing(file) as kept:
            for line in _whole_lines(stream):
                if _step_of(line) <= step:
                    kept.write(line)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    while line := stream.readline(MAX_LINE_BYTES):
        if line.endswith(b"\n"):
            yield line


def _step_of(line: bytes) -> float:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return float("inf")
    step = data.get("step") if isinstance(data, dict) else None
    return step if type(step) is int else float("inf")
