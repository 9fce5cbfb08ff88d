"""What the callbacks of this folder read of a run: its recipe, new lines of metrics, and new sample grids."""

import json
import sys

import yaml


def flat_recipe(path):
    """Return the resolved recipe of a run folder by dotted keys: ``{"training.steps": 20}``."""
    return dict(_flat(yaml.safe_load((path / "recipe.yaml").read_text(encoding="utf-8")), ""))


def _flat(value, key):
    items = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    if not items:
        yield key, value
    for name, inner in items:
        yield from _flat(inner, f"{key}.{name}" if key else str(name))


class RunFiles:
    """The files of a run that were not logged yet. A small file in the run folder keeps how far logging came.

    A resumed run writes the same lines again from its checkpoint on, so their number says what was logged before.
    """

    def __init__(self, path, memory):
        self.path, self._memory = path, path / memory
        self._position = self._seen = 0
        kept = json.loads(self._memory.read_text(encoding="utf-8")) if self._memory.exists() else {}
        self.run_id = kept.get("run_id", "")
        self._lines, self._samples = kept.get("lines", 0), set(kept.get("samples", ()))

    def remember(self):
        """Write how far logging came."""
        kept = {"run_id": self.run_id, "lines": self._lines, "samples": sorted(self._samples)}
        temporary = self._memory.with_suffix(".tmp")
        temporary.write_text(json.dumps(kept), encoding="utf-8")
        temporary.replace(self._memory)

    def log_metrics(self, log):
        """Call ``log(step, numbers by name)`` for each new line of the run's metrics, scores and readings."""
        file = self.path / "metrics.jsonl"
        if not file.exists():
            return
        if file.stat().st_size < self._position:
            # The run went back to a checkpoint after numbers that were not finite.
            self._position = self._seen = 0
            self._lines = file.read_bytes().count(b"\n")
        with file.open("rb") as stream:
            stream.seek(self._position)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                if self._seen >= self._lines:
                    numbers = json.loads(line)
                    log(numbers.pop("step"), numbers)
                    self._lines = self._seen + 1
                self._seen, self._position = self._seen + 1, self._position + len(line)

    def log_samples(self, log):
        """Call ``log(step, file)`` for each new sample grid."""
        for file in sorted((self.path / "samples").glob("step-*.png")):
            # step-000010-raw.png is the grid of the generator without averaging.
            step = file.stem.removeprefix("step-")
            if step.isdigit() and file.name not in self._samples:
                log(int(step), file)
                self._samples.add(file.name)


class OnlyWarning:
    """A context in which an error is printed once, and ends nothing: a tracker must not end a training."""

    def __init__(self, tracker):
        self._tracker, self._warned = tracker, False

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if not isinstance(error, Exception):
            return False
        if not self._warned:
            self._warned = True
            text = (str(error).splitlines() or [""])[0]
            print(
                f"warning: {self._tracker} got nothing: {kind.__name__}: {text:.200}. Training goes on", file=sys.stderr
            )
        return True
