"""The workers of a cluster: their addresses, the index of this process, and whether the others are alive."""

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
from dcgan_kit.process.stop_signals import handled_signals, prompt_signals

CHECK_SECONDS = 5.0
"""Time between two checks of the other workers, and the timeout of a connection."""
MISSES = 3
"""A worker counts as lost after this many failed checks in a row: 15 to 20 seconds."""


@dataclass(frozen=True)
class Cluster:
    """Workers that train together, one process each.

    Attributes:
        addresses: ``host:port`` of each worker; the first is the chief, which writes the run folder.
        index: index of this process in ``addresses``.
        source: what described the cluster: ``TF_CONFIG`` or ``SLURM``.
    """

    addresses: tuple[str, ...]
    index: int
    source: str

    def resolver(self) -> Any:
        """Return the cluster resolver for tf.distribute."""
        # Even if TF_CONFIG names a chief, it becomes worker 0 here, so that all workers have the same type.
        spec = tf.train.ClusterSpec({"worker": list(self.addresses)})
        return tf.distribute.cluster_resolver.SimpleClusterResolver(
            spec, task_type="worker", task_id=self.index, rpc_layer="grpc"
        )

    def name(self, index: int) -> str:
        """Return the name of a worker in messages."""
        return f"worker {index} at {self.addresses[index]}"

    def names(self, indices: Iterable[int]) -> str:
        """Return the names of several workers in messages."""
        return ", ".join(map(self.name, indices))

    def unreachable(self) -> list[int]:
        """Return the indices of the other workers whose port does not answer."""
        others = [index for index in range(len(self.addresses)) if index != self.index]
        # All workers are checked at the same time, because a lost machine takes the whole timeout.
        with ThreadPoolExecutor(max_workers=min(64, max(1, len(others)))) as pool:
            answers = pool.map(_answers, (self.addresses[index] for index in others))
            return [index for index, answer in zip(others, answers, strict=True) if not answer]


def cluster_of_environment() -> Cluster | None:
    """Return the cluster that TF_CONFIG describes, or else a SLURM job step; None if neither does.

    Raises:
        UserError: TF_CONFIG or the variables of SLURM are not valid; for TF_CONFIG it lists every problem.
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
    """Checks regularly that the other workers are alive.

    Without it, a collective operation would wait forever for a dead worker.

    Args:
        cluster: the workers.
        lost: called once, in a separate thread, with the names of the lost workers.
    """

    def __init__(self, cluster: Cluster, lost: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._lost = lost
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._check, name="workers", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Stop checking; from here on workers may leave."""
        self._ended.set()

    def _check(self) -> None:
        missed = dict.fromkeys(range(len(self._cluster.addresses)), 0)
        while not self._ended.wait(CHECK_SECONDS):
            unreachable = self._cluster.unreachable()
            missed = {index: missed[index] + 1 if index in unreachable else 0 for index in missed}
            lost = [index for index, count in missed.items() if count >= MISSES]
            if lost and not self._ended.is_set():
                self._lost(self._cluster.names(lost))
                return


@contextmanager
def waiting(cluster: Cluster, report: Callable[[str], None]) -> Iterator[None]:
    """Wait for all workers, and report which are missing; then let signals end the process while the body connects.

    Raises:
        Stopped: the process received a signal to stop, now or before.
        UserError: another program uses an address of the cluster.
    """
    # No signal may be deferred from here on. Other workers may have left after the same signal, and waiting for them
    # would never end.
    with prompt_signals():
        meet(cluster.addresses, cluster.index, report)
        # TensorFlow connects in C++ code, where no Python signal handler runs.
        with handled_signals(signal.SIG_DFL):
            yield


@contextmanager
def watching(cluster: Cluster | None, report: Callable[[str], None]) -> Iterator[Watch | None]:
    """Check during the body that the other workers are alive; if one is lost, report it and end this process.

    The process ends at once with exit status 75 (``os.EX_TEMPFAIL``); the same command continues the run. The main
    thread may wait inside a collective operation, where no exception reaches it. A normal exit of TensorFlow would wait
    for the lost worker too.

    Args:
        cluster: the workers; None if there is only this process.
        report: receives the message for the user.
    """
    if cluster is None or len(cluster.addresses) == 1:
        yield None
        return
    reporting = threading.Lock()

    def leave(names: str) -> None:
        # The watch and the main thread may both notice the loss; only the first one reports it.
        reporting.acquire()
        report(f"lost {names}: the same command on all workers continues from the last checkpoint")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(os.EX_TEMPFAIL)

    with Watch(cluster, leave) as watch:
        try:
            yield watch
        except Exception as error:
            # If the operation failed inside a third-party layer, ``blaming`` has made it that layer's error.
            broken = error if isinstance(error, _BROKEN) else error.__cause__
            names = _lost_workers(cluster, broken) if isinstance(broken, _BROKEN) else None
            if names is None:
                raise
            leave(names)


_BROKEN = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnknownError,
    tf.errors.FailedPreconditionError,
)
"""Exceptions that an operation may raise when a worker that it needs is lost; they can have other causes too."""


def _lost_workers(cluster: Cluster, error: Exception) -> str | None:
    """Return the names of the workers whose loss caused an error; None if the error has another cause."""
    text = str(error)
    until = time.monotonic() + CHECK_SECONDS
    while True:
        # A dying worker closes its connections first, and its port a little later.
        unreachable = cluster.unreachable()
        if unreachable:
            return cluster.names(unreachable)
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    if not isinstance(error, tf.errors.UnavailableError) and "Collective ops is aborted" not in text:
        return None
    # All ports answer, so the lost worker has already been restarted; the error's text may name it.
    named = sorted({int(index) for index in re.findall(r"/job:worker/replica:0/task:(\d+)", text)} - {cluster.index})
    return cluster.names([i for i in named if i < len(cluster.addresses)]) or "another worker"
