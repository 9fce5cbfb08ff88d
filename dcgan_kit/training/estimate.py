"""What a training will take: time, memory and disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Occasion:
    """What happens between steps, at some of them.

    Attributes:
        name: what it is, for people.
        times: how often it happens in the whole training.
        seconds: time that it takes once.
        bytes: bytes that stay on the disk each time.
    """

    name: str
    times: int
    seconds: float
    bytes: int


@dataclass(frozen=True)
class Estimate:
    """What a training will take, from its first step to its last.

    Attributes:
        recipe: name of the recipe.
        devices: the devices that train it, the precision, and XLA if it compiles the step.
        steps: number of steps.
        step: median seconds of a step.
        fastest: seconds of a step in the fastest measured group of steps.
        slowest: seconds of a step in the slowest one.
        measured: number of steps that were measured.
        start: seconds from the start of the command to the first step: imports, images, compiling, extractor.
        occasions: what happens between steps. Empty on workers other than the first.
        memory: largest resident memory of this process so far, in bytes.
        gpu_memory: largest memory of TensorFlow on one GPU, in bytes; None without a GPU.
        checkpoint: bytes of a checkpoint.
        checkpoints: number of checkpoints that the folder holds at most at the same time.
        free: free bytes on the disk of the run folder.
        chief: whether this process is the first worker, or the only one.
    """

    recipe: str
    devices: str
    steps: int
    step: float
    fastest: float
    slowest: float
    measured: int
    start: float
    occasions: tuple[Occasion, ...]
    memory: int
    gpu_memory: int | None
    checkpoint: int
    checkpoints: int
    free: int
    chief: bool = True

    @property
    def seconds(self) -> float:
        """Seconds of the whole training: the start, all steps, and all that happens between them."""
        return self.start + self.steps * self.step + self._between

    @property
    def range(self) -> tuple[float, float]:
        """Seconds of the whole training if every step took as long as in the fastest group, and in the slowest."""
        rest = self.start + self._between
        return rest + self.steps * self.fastest, rest + self.steps * self.slowest

    @property
    def disk(self) -> int:
        """Bytes of the run folder at its largest."""
        return self.checkpoint * self.checkpoints + sum(one.times * one.bytes for one in self.occasions)

    @property
    def _between(self) -> float:
        return sum(one.times * one.seconds for one in self.occasions)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, in seconds and bytes."""
        lowest, highest = self.range
        return {
            "recipe": self.recipe,
            "devices": self.devices,
            "steps": self.steps,
            "seconds": self.seconds,
            "seconds_range": [lowest, highest],
            "start_seconds": self.start,
            "step_seconds": {
                "median": self.step,
                "fastest": self.fastest,
                "slowest": self.slowest,
                "steps": self.measured,
            },
            "between_steps": [
                {"what": one.name, "times": one.times, "seconds": one.seconds, "bytes": one.bytes}
                for one in self.occasions
            ],
            "memory_bytes": self.memory,
            "gpu_memory_bytes": self.gpu_memory,
            "disk_bytes": self.disk,
            "checkpoint_bytes": self.checkpoint,
            "checkpoints": self.checkpoints,
            "free_bytes": self.free,
        }
