"""The workers of a cluster: who they are, which of them this process is, and whether the others still live."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dcgan_kit.distributed.rendezvous import meet
from dcgan_kit.distributed.slurm import tasks_of_step
from dcgan_kit.distributed.tf_config import workers_of
from dcgan_kit.process.stop_signals import prompt_signals, taken_signals

CHECK_SECONDS = 5.0
"""Between two looks at the other workers."""
MISSES = 3
"""Looks in a row at which a worker does not answer, after which it counts as gone: 15 to 20 seconds."""


@dataclass(frozen=True)
class Cluster:
    """Workers that train together, one process each.

    Attributes:
        addresses: ``host:port`` of each worker; the first is the chief, who writes.
        index: which of them this process is.
        source: where this is known from: ``TF_CONFIG`` or ``SLURM``.
    """

    addresses: tuple[str, ...]
    index: int
    source: str

    def resolver(self) -> Any:
        """The cluster resolver of tf.distribute."""
        # A chief is worker 0 here, whatever TF_CONFIG calls it, so that all workers are of one sort.
        spec = tf.train.ClusterSpec({"worker": list(self.addresses)})
        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec, task_type="worker", task_id=self.index, rpc_layer="grpc"
        )

    def name(self, index: int) -> str:
        """What people call a worker."""
        return f"worker {index} at {self.addresses[index]}"

    def names(self, indices: Iterable[int]) -> str:
        """What people call several workers."""
        return ", ".join(map(self.name, indices))

    def gone(self) -> list[int]:
        """Indices of the other workers whose port does not answer."""
        others = [index for index in range(len(self.addresses)) if index != self.index]
        # All at once: a machine that is lost answers nothing until the time is up.
        with ThreadPoolExecutor(max_workers=min(64, max(1, len(others)))) as pool:
            answers = pool.map(_answers, (self.addresses[index] for index in others))
            return [index for index, answer in zip(others, answers, strict=True) if not answer]


def cluster_of_environment() -> Cluster | None:
    """Return the cluster that TF_CONFIG, or else a step of SLURM, describes; None where neither does.

    Raises:
        UserError: TF_CONFIG, or what SLURM says, is not understood; every problem of it.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if text:
        named = workers_of(text)
        return None if named is None else Cluster(*named, "TF_CONFIG")
    step = tasks_of_step(os.environ)
    return None if step is None else Cluster(*step, "SLURM")


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CHECK_SECONDS):
            return True
    except (OSError, ValueError):
        return False


class Watch:
    """Looks at the other workers from time to time; a collective operation would wait for a dead one for ever.

    Args:
        cluster: the workers.
        lost: called once, in a thread of its own, with the names of the workers that are gone.
    """

    def __init__(self, cluster: Cluster, lost: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._lost = lost
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="workers", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop looking; from here on workers may leave."""
        self._ended.set()

    def _look(self) -> None:
        missed = dict.fromkeys(range(len(self._cluster.addresses)), 0)
        while not self._ended.wait(CHECK_SECONDS):
            gone = self._cluster.gone()
            missed = {index: missed[index] + 1 if index in gone else 0 for index in missed}
            lost = [index for index, count in missed.items() if count >= MISSES]
            if lost and not self._ended.is_set():
                self._lost(self._cluster.names(lost))
                return


@contextmanager
def waiting(cluster: Cluster, tell: Callable[[str], None]) -> Iterator[None]:
    """Wait for all workers, saying for which; then let signals end the process while the body connects to them.

    Raises:
        Stopped: a signal came before or meanwhile, and was deferred or swallowed.
        UserError: something else holds an address of the cluster.
    """
    # Others that got the same signal have left, and would be waited for in vain: none may be deferred from here on.
    with prompt_signals():
        meet(cluster.addresses, cluster.index, tell)
        # TensorFlow connects in its C++ part, where no handler of Python runs.
        with taken_signals(signal.SIG_DFL):
            yield


@contextmanager
def watching(cluster: Cluster | None, tell: Callable[[str], None]) -> Iterator[Watch | None]:
    """Look after the other workers during the body; where one is lost, say so and end this process.

    It ends with exit status 75 (``os.EX_TEMPFAIL``: the same command goes on), at once: the main thread may wait inside
    a collective operation, where no exception reaches it, and TensorFlow's own way out waits for the lost worker too.

    Args:
        cluster: the workers; None where there is only this process.
        tell: takes the line for people.
    """
    if cluster is None or len(cluster.addresses) == 1:
        yield None
        return
    telling = threading.Lock()

    def leave(who: str) -> None:
        # The watch and the main thread may both find out.
        telling.acquire()
        tell(f"lost {who}: the same command on all workers goes on from the last checkpoint")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(os.EX_TEMPFAIL)

    with Watch(cluster, leave) as watch:
        try:
            yield watch
        except Exception as error:
            # A broken operation inside a stranger's layer has been taken for that layer's fault.
            broken = error if isinstance(error, _BROKEN) else error.__cause__
            who = _who_left(cluster, broken) if isinstance(broken, _BROKEN) else None
            if who is None:
                raise
            leave(who)


_BROKEN = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
    tf.errors.FailedPreconditionError,
)
"""What operations raise when a worker that they need is gone, among other reasons."""


def _who_left(cluster: Cluster, error: Exception) -> str | None:
    """Name the workers whose loss an error comes from; None where it is another error."""
    text = str(error)
    until = time.monotonic() + CHECK_SECONDS
    while True:
        # A worker that dies closes connections first and its port a little later.
        gone = cluster.gone()
        if gone:
            return cluster.names(gone)
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    if not isinstance(error, tf.errors.UnavailableError) and "Collective ops is aborted" not in text:
        return None
    # It was started again already.
    named = sorted({int(index) for index in re.findall(r"/job:worker/replica:0/task:(\d+)", text)} - {cluster.index})
    return cluster.names([i for i in named if i < len(cluster.addresses)]) or "another worker"
