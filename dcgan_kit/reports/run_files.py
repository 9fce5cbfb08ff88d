"""Files of a run folder → plain values. None of them is trusted to be whole, small, true, or even a file."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcgan_kit.errors import printable
from dcgan_kit.files import open_regular

MOST_OF_A_DOCUMENT = 4 * 2**20
"""Bytes of a file that is read as a whole: recipe, environment, evaluation."""
MOST_OF_LINES = 512 * 2**20
"""Bytes of a file of JSON lines; what follows is not read."""
MOST_OF_A_LINE = 2**20
MOST_NAMES = 2000
"""Of different numbers in one run; more would be no report but a dump."""
LARGEST = 1e30
"""Of a number that is drawn: squares and differences of smaller ones stay finite."""


LONGEST = 300
"""Characters of a text that is shown in a line or a cell."""


class Unusable(Exception):
    """A file that is there and cannot be used; the message says why."""


@dataclass(frozen=True)
class Series:
    """One number along the steps.

    Attributes:
        steps: ascending, each once.
        values: finite, one for each step.
    """

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def thinned(self, most: int) -> Series:
        """At most ``most`` (≥ 2) points, evenly chosen, the first and the last among them."""
        count = len(self.steps)
        if count <= most:
            return self
        chosen = [round(i * (count - 1) / (most - 1)) for i in range(most)]
        return Series(tuple(self.steps[i] for i in chosen), tuple(self.values[i] for i in chosen))

    def best(self, highest: bool) -> tuple[int, float]:
        """Step and value of the best point, the first of equals; there must be one."""
        value = max(self.values) if highest else min(self.values)
        return self.steps[self.values.index(value)], value


@dataclass(frozen=True)
class Metrics:
    """What ``metrics.jsonl`` holds.

    Attributes:
        series: by the number's name.
        lines: that were understood.
        broken: lines that were not.
        left_out: numbers that are not finite or beyond ±1e30.
        cut: whether the file goes on past what is read, or has more names than are kept.
    """

    series: Mapping[str, Series] = field(default_factory=dict)
    lines: int = 0
    broken: int = 0
    left_out: int = 0
    cut: bool = False


def read_document(path: Path, most: int = MOST_OF_A_DOCUMENT) -> bytes | None:
    """Return a whole file; None if there is none.

    Raises:
        Unusable: it is too large, no ordinary file, or the system refuses.
    """
    try:
        # A link may lead to what was never meant to be in a report.
        with open_regular(path, follow_links=False) as stream:
            content = stream.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unusable(f"{path.name} cannot be read: {error.strerror or error}") from error
    if len(content) > most:
        raise Unusable(f"{path.name} is larger than {most // 2**20} MiB")
    return content


def read_json(path: Path) -> Any:
    """Return what a JSON file holds; None if there is none.

    Raises:
        Unusable: it cannot be read, or holds no JSON.
    """
    content = read_document(path)
    if content is None:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path.name} is no JSON: {error}") from error


def read_lines(path: Path) -> Iterator[Mapping[str, Any] | None]:
    """Yield the objects of a file of JSON lines, each with a whole ``step`` ≥ 0; None for each broken line.

    Raises:
        Unusable: it is there and cannot be read.
    """
    try:
        with open_regular(path, follow_links=False) as stream:
            read = 0
            while read < MOST_OF_LINES and (line := stream.readline(MOST_OF_A_LINE)):
                read += len(line)
                if line.strip():
                    yield _object(line)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Unusable(f"{path.name} cannot be read: {error.strerror or error}") from error


def read_metrics(path: Path) -> Metrics:
    """Return the numbers of a run by their names; no numbers if there is no such file.

    Raises:
        Unusable: it is there and cannot be read.
    """
    points: dict[str, dict[int, float]] = defaultdict(dict)
    lines = broken = left_out = 0
    cut = False
    for line in read_lines(path):
        if line is None:
            broken += 1
            continue
        lines += 1
        for key, value in line.items():
            name = shown(key)
            if name == "step" or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if not -LARGEST <= value <= LARGEST:
                # Comparisons with NaN are false, and with a whole number of any length exact.
                left_out += 1
            elif name in points or len(points) < MOST_NAMES:
                points[name][line["step"]] = float(value)
            else:
                cut = True
    series = {}
    for name, by_step in points.items():
        steps = sorted(by_step)
        series[name] = Series(tuple(steps), tuple(by_step[step] for step in steps))
    cut = cut or (path.exists() and path.stat().st_size > MOST_OF_LINES)
    return Metrics(series, lines, broken, left_out, cut)


def shown(text: str) -> str:
    """A text of anybody's in one line of bearable length, what a screen would obey escaped."""
    line = printable(text).replace("\n", " ")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def finite(value: Any) -> float | None:
    """A number that can be shown and drawn; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -LARGEST <= value <= LARGEST and math.isfinite(value) else None


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    step = data.get("step") if isinstance(data, dict) else None
    return data if type(step) is int and 0 <= step <= 10**12 else None
