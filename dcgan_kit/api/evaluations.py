"""Evaluations as files and as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcgan_kit.evaluation.calibration import Calibration
    from dcgan_kit.evaluation.results import Evaluation


def read_evaluation(path: Path) -> Evaluation:
    """Read an evaluation from a run folder or from a JSON file.

    Raises:
        RunError: there is no such file, or it is no evaluation.
    """
    from dcgan_kit.evaluation import results

    return results.read_evaluation(path)


def evaluation_file(run: Path, *, best: bool, raw: bool, size: str | None = None) -> Path:
    """Return the file to which ``Run.evaluate`` writes; see its arguments ``best``, ``raw`` and ``size``."""
    from dcgan_kit.evaluation.results import file_name

    return run / file_name(best, raw, size)


def calibration_columns(calibration: Calibration) -> dict[str, list[str]]:
    """Return a table as columns of text: number, better, and the values for each fault by its name.

    A number that several extractors gave is called ``NUMBER@EXTRACTOR``, except the first.
    """
    from dcgan_kit.evaluation.results import BETTER, shown

    real = calibration.numbers["real"]
    first = {number.number: number.protocol.extractor for number in reversed(real)}
    names = [
        number.number
        + ("" if number.protocol.extractor == first[number.number] else f"@{number.protocol.extractor_name}")
        for number in real
    ]
    values = {fault: [shown(number.value) for number in numbers] for fault, numbers in calibration.numbers.items()}
    return {
        "number": names,
        "better": [BETTER[number.better] for number in real],
        **values,
    }
