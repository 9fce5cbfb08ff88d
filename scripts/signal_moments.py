"""Check that a signal at any moment loses nothing. Each moment, from start to end, is tried in its own process.

    python scripts/signal_moments.py --moments 100

Each process trains a tiny recipe in its own folder and gets one signal. It must end without a traceback and with status
130 (SIGINT) or 75 (other signals), or with 0 if it was finished already. Then the same command must give the same bytes
as an undisturbed training. Before the first line of the program runs, Python itself handles signals with their default
action. Such early signals are counted separately; nothing has started then.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECIPE = (
    "tiny-fashion28", "training.steps=12", "training.batch_size=8", "training.log_every=2", "training.sample_every=4",
    "training.checkpoint_every=4",
)  # fmt: skip
SECONDS = 600


@dataclass(frozen=True)
class Moment:
    """One signal and its result.

    Attributes:
        after: seconds from the start of the process to the signal.
        number: the signal.
        status: exit status of the process, negative if a signal killed it.
        early: whether the signal came before the program handled signals.
        wrong: the problem; empty if there is none.
    """

    after: float
    number: signal.Signals
    status: int
    early: bool
    wrong: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the moments, print their results, and return 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=100, help="processes to send a signal to (default 100)")
    parser.add_argument("--at-once", type=int, default=2, help="processes that run at a time (default 2)")
    parser.add_argument("--command", default=str(Path(sys.executable).with_name("dcgan-kit")), help="the program")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="signals-") as scratch:
        folder = Path(scratch)
        started = time.monotonic()
        undisturbed = trained(options.command, folder / "undisturbed")
        length = time.monotonic() - started
        print(f"undisturbed: {length:.1f} s", flush=True)
        moments = []
        for moment in tried(options.command, folder, undisturbed, length, options.moments, options.at_once):
            moments.append(moment)
            print(f"{len(moments)} of {options.moments}: {described(moment)}", flush=True)
    print_table(moments)
    return int(any(moment.wrong for moment in moments))


def tried(
    command: str, folder: Path, undisturbed: dict[str, str], length: float, count: int, at_once: int
) -> Iterator[Moment]:
    """Yield the results of moments spread evenly from the start of a process to a little after its end."""

    def one(index: int) -> Moment:
        # Processes that run in parallel take longer than the single undisturbed one.
        after = 1.05 * at_once**0.5 * length * index / max(1, count - 1)
        return at_moment(command, folder / f"run{index}", undisturbed, after, SIGNALS[index % len(SIGNALS)])

    with ThreadPoolExecutor(at_once) as pool:
        yield from pool.map(one, range(count))


def at_moment(command: str, path: Path, undisturbed: dict[str, str], after: float, number: signal.Signals) -> Moment:
    """Start a training, send it a signal after some seconds, and resume it with the same command."""
    process = start(command, path)
    time.sleep(after)
    # This process has not waited for the child yet, so the process id is still the child's, even if it has ended.
    early = not handles(process.pid, signal.SIGTERM) and process.poll() is None
    process.send_signal(number)
    output, _ = process.communicate(timeout=SECONDS)
    status = process.returncode
    allowed = (0, 130 if number == signal.SIGINT else os.EX_TEMPFAIL)
    wrong = []
    # As soon as Python runs, it turns SIGINT into an exception, before the program handles signals.
    if status not in (allowed if not early else (*allowed, -number, 1)):
        wrong.append(f"status {status}: {output[-500:]!r}")
    if "Traceback" in output and not early:
        wrong.append(f"a traceback: {output[-500:]!r}")
    try:
        found = files_of(path) if status == 0 else trained(command, path)
    except RuntimeError as error:
        wrong.append(f"the same command does not resume: {error}")
    else:
        if found != undisturbed:
            names = sorted(
                name for name in found.keys() | undisturbed.keys() if found.get(name) != undisturbed.get(name)
            )
            wrong.append(f"other bytes in {', '.join(names)}")
    return Moment(after, number, status, early, "; ".join(wrong))


def start(command: str, path: Path) -> subprocess.Popen[str]:
    """Start the training in a new process."""
    return subprocess.Popen(
        [command, "train", *RECIPE, "--run", str(path)], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
    )  # fmt: skip


def trained(command: str, path: Path) -> dict[str, str]:
    """Train to the end and return the checksums of the run folder; see ``files_of``.

    Raises:
        RuntimeError: the training failed.
    """
    process = start(command, path)
    output, _ = process.communicate(timeout=SECONDS)
    if process.returncode != 0:
        raise RuntimeError(f"status {process.returncode}: {output[-500:]!r}")
    return files_of(path)


def handles(process: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; False if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    caught = next((line.split()[1] for line in lines if line.startswith("SigCgt:")), "0")
    return bool(int(caught, 16) >> (number - 1) & 1)


def files_of(path: Path) -> dict[str, str]:
    """Return checksums of the samples, the metrics, and the variables of the newest checkpoint, and some file names.

    A checkpoint also holds times, which differ between runs and do not count.
    """
    import numpy as np

    sums = {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in (*sorted(path.glob("samples/*.png")), *path.glob("metrics.jsonl"))
    }
    checkpoints = sorted(path.glob("checkpoints/step-*.npz"))
    if checkpoints:
        with np.load(checkpoints[-1], allow_pickle=False) as archive:
            for name in archive.files:
                if not name.startswith("meta/"):
                    sums[f"{checkpoints[-1].name}/{name}"] = hashlib.sha256(archive[name].tobytes()).hexdigest()
    for name in (".tmp", ".keras"):
        sums[f"*{name}"] = str(sorted(str(file.relative_to(path)) for file in path.rglob(f"*{name}")))
    return sums


def described(moment: Moment) -> str:
    """Return one line about a moment."""
    early = ", before the program's first line" if moment.early else ""
    return f"{moment.number.name} after {moment.after:.2f} s: {moment.status}{early} {moment.wrong or 'nothing lost'}"


def print_table(moments: Sequence[Moment]) -> None:
    """Print how often each signal led to each exit status."""
    counts = Counter((moment.number.name, moment.status, moment.early, bool(moment.wrong)) for moment in moments)
    print(f"\n{'signal':8} {'status':>6} {'when':8} {'':6} {'times':>5}")
    for (name, status, early, wrong), times in sorted(counts.items()):
        print(f"{name:8} {status:6} {'early' if early else 'running':8} {'WRONG' if wrong else 'good':6} {times:5}")


if __name__ == "__main__":
    for _number in SIGNALS:
        # A background process of a shell ignores some signals, and its child processes would inherit this.
        signal.signal(_number, signal.SIG_DFL)
    sys.exit(main())
