"""The generators of a run: of each checkpoint, with and without the moving average."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dcgan_kit.runs.best_checkpoint import best_so_far
from dcgan_kit.runs.manifest import Entry, entries_of
from dcgan_kit.runs.run import StoredRun
from dcgan_kit.runs.sampler import Sampler
from dcgan_kit.runs.stored_generator import StoredGenerator

MOST = 50
"""Most checkpoints of a run to choose from, the newest ones."""


@dataclass(frozen=True)
class Version:
    """One generator of a source.

    Attributes:
        key: its name in requests.
        text: its name on the page.
        raw: the generator itself, not its moving average.
        entry: its checkpoint; None: the newest that is not damaged, or there are no checkpoints.
    """

    key: str
    text: str
    raw: bool = False
    entry: Entry | None = None


def versions_of(sampler: Sampler) -> tuple[Version, ...]:
    """Return the generators of a run, or of a generator file; the first one is that which ``sample`` uses."""
    if isinstance(sampler, StoredGenerator):
        average = "moving average" if sampler.facts.average else "without a moving average"
        return (Version("only", f"step {sampler.facts.step:,}, {average}"),)
    return tuple(_of_run(sampler)) if isinstance(sampler, StoredRun) else ()


def _of_run(run: StoredRun) -> Iterator[Version]:
    entries = [entry for entry in entries_of(run.folder) if (run.folder.checkpoints / entry.file).is_file()]
    best, averaged = best_so_far(run.folder), run.resolved.training.ema > 0
    chosen: list[tuple[str, str, Entry | None]] = []
    if entries:
        chosen.append(("newest", f"newest, step {entries[-1].step:,}", None))
    if best is not None:
        chosen.append(("best", f"best, step {best.entry.step:,}", best.entry))
    chosen += [(entry.file, f"step {entry.step:,}", entry) for entry in reversed(entries[-MOST:-1])]
    for key, text, entry in chosen:
        yield Version(key, text, False, entry)
        if averaged:
            yield Version(f"{key}-raw", f"{text}, without the average", True, entry)
