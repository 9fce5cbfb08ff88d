"""Where metrics and findings go: a line of JSON each, and TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from dcgan_kit.errors import RunError
from dcgan_kit.training.run_folder import RunFolder, writing


class MetricsWriter:
    """Appends metrics to ``metrics.jsonl`` and to TensorBoard's event file, and findings to ``findings.jsonl``."""

    @staticmethod
    @contextmanager
    def open(run: RunFolder, first_step: int) -> Iterator[MetricsWriter]:
        """Open both, and close them in the end; see ``__init__``."""
        writer = MetricsWriter(run, first_step)
        try:
            yield writer
        finally:
            writer.close()

    def __init__(self, run: RunFolder, first_step: int) -> None:
        """Open both; lines of steps after ``first_step``, which a stopped run may have left, are dropped."""
        self._run = run
        self.rewind(first_step)
        self._board = tf.summary.create_file_writer(str(run.tensorboard))

    def rewind(self, step: int) -> None:
        """Drop the lines of all steps after ``step``, which will be taken again."""
        for file in (self._run.metrics_file, self._run.findings_file):
            kept = [line for line in _lines(file) if line["step"] <= step]
            if file.exists() or file == self._run.metrics_file:
                self._run.write(file, "".join(json.dumps(line) + "\n" for line in kept).encode())

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Write one line."""
        _append(self._run.metrics_file, [{"step": step, **values}])
        with _board(self._run), self._board.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, value, step=step)

    def findings(self, step: int, findings: Sequence[Mapping[str, Any]]) -> None:
        """Write one line for each."""
        if findings:
            _append(self._run.findings_file, [{"step": step, **finding} for finding in findings])

    def image(self, step: int, name: str, image: Any) -> None:
        """Show one uint8 image (H, W, C) in TensorBoard."""
        with _board(self._run), self._board.as_default():
            tf.summary.image(name, image[None], step=step)

    def close(self) -> None:
        """Write out what is still in memory."""
        with _board(self._run):
            self._board.close()


class _board:
    """Tells a full disk under TensorBoard's file like one under any other."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, tf.errors.OpError):
            raise RunError(f"{self._run.tensorboard}: cannot be written: {error.message}") from error


def _append(file: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    with writing(file), file.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    lines = []
    with writing(file), file.open(encoding="utf-8", errors="replace") as stream:
        for text in stream:
            try:
                line = json.loads(text)
            except (ValueError, RecursionError):
                # Cut short by a kill while it was written; its step will be run again.
                continue
            if isinstance(line, dict) and type(line.get("step")) is int:
                lines.append(line)
    return lines
