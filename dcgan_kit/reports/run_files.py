"""Files of a run folder → plain values. The readers trust no file: it can be broken, huge, wrong or a link."""

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
"""Most bytes of a file that is read completely: recipe, environment, evaluation."""
MOST_OF_LINES = 512 * 2**20
"""Most bytes to read from a file of JSON lines."""
MOST_OF_A_LINE = 2**20
MOST_NAMES = 2000
"""Most different numbers of one run; a report with more would be unreadable."""
LARGEST = 1e30
"""Largest number to draw: squares and differences of smaller numbers stay finite."""


LONGEST = 300
"""Most characters of a text in a line or a cell."""


class Unusable(Exception):
    """A file exists but cannot be used; the message says why."""


@dataclass(frozen=True)
class Series:
    """The values of one number by step.

    Attributes:
        steps: different steps in ascending order.
        values: one finite value for each step.
    """

    steps: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def thinned(self, most: int) -> Series:
        """Return at most ``most`` (≥ 2) points, evenly chosen, including the first and the last."""
        count = len(self.steps)
        if count <= most:
            return self
        chosen = [round(i * (count - 1) / (most - 1)) for i in range(most)]
        return Series(tuple(self.steps[i] for i in chosen), tuple(self.values[i] for i in chosen))

    def best(self, highest: bool) -> tuple[int, float]:
        """Return step and value of the best point, the first one of equals. The series must not be empty."""
        value = max(self.values) if highest else min(self.values)
        return self.steps[self.values.index(value)], value


@dataclass(frozen=True)
class Metrics:
    """The content of ``metrics.jsonl``.

    Attributes:
        series: the series of each number, by name.
        lines: how many lines were read.
        broken: how many lines could not be read.
        left_out: how many numbers are not finite or beyond ±1e30.
        cut: whether the file has more bytes or more names than are read.
    """

    series: Mapping[str, Series] = field(default_factory=dict)
    lines: int = 0
    broken: int = 0
    left_out: int = 0
    cut: bool = False


def read_document(path: Path, most: int = MOST_OF_A_DOCUMENT) -> bytes | None:
    """Return the content of a file; None if there is no such file.

    Raises:
        Unusable: the file is too large, is not a regular file, or cannot be read.
    """
    try:
        # A link could lead to a private file, which must not get into a report.
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
    """Return the data of a JSON file; None if there is no such file.

    Raises:
        Unusable: the file cannot be read, or holds no JSON.
    """
    content = read_document(path)
    if content is None:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unusable(f"{path.name} is no JSON: {error}") from error


def read_lines(path: Path) -> Iterator[Mapping[str, Any] | None]:
    """Yield the objects of a file of JSON lines, each with an integer ``step`` ≥ 0; None for each broken line.

    Raises:
        Unusable: the file exists but cannot be read.
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
    """Return the numbers of a run by name; no numbers if there is no such file.

    Raises:
        Unusable: the file exists but cannot be read.
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
                # This also catches NaN, because comparisons with NaN are false, and integers of any size.
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
    """Return an untrusted text as one line of limited length, with control characters escaped."""
    line = printable(text).replace("\n", " ")
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def finite(value: Any) -> float | None:
    """Return a value as a float if it is a number that can be drawn; None for anything else."""
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
