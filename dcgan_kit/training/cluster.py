"""The workers of a cluster: who they are, which of them this process is, and whether the others still live."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dcgan_kit.errors import UserError

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

    def gone(self) -> list[int]:
        """Indices of the other workers whose port does not answer."""
        return [i for i in range(len(self.addresses)) if i != self.index and not _answers(self.addresses[i])]


def cluster_of_environment() -> Cluster | None:
    """Return the cluster that TF_CONFIG, or SLURM, describes; None where neither does.

    Raises:
        UserError: TF_CONFIG is no JSON, or misses something, or names parameter servers.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if text:
        return _of_tf_config(text)
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", os.environ.get("SLURM_NTASKS", "1")) or 1) > 1:
        return _of_slurm()
    return None


def _of_tf_config(text: str) -> Cluster | None:
    example = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
    try:
        config = json.loads(text)
        jobs = {str(job): [str(a) for a in addresses] for job, addresses in config.get("cluster", {}).items()}
        task = config.get("task", {})
        job, index = str(task.get("type", "worker")), int(task.get("index", 0))
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"TF_CONFIG: cannot be understood ({error}); it looks like {example}") from error
    if "ps" in jobs or job == "ps":
        raise UserError("TF_CONFIG: names parameter servers, which train on stale weights; name workers only")
    addresses = [*jobs.get("chief", []), *jobs.get("worker", [])]
    if not addresses:
        return None
    if job not in ("chief", "worker") or not 0 <= index < len(jobs.get(job, [])):
        raise UserError(f"TF_CONFIG: there is no {job} {index} in its cluster; it looks like {example}")
    return Cluster(tuple(addresses), index + (len(jobs.get("chief", [])) if job == "worker" else 0), "TF_CONFIG")


def _of_slurm() -> Cluster:
    try:
        resolver = tf.distribute.cluster_resolver.SlurmClusterResolver()
        spec = resolver.cluster_spec()
        job, index = resolver.get_task_info()
        addresses = spec.job_tasks(job)
    except (RuntimeError, ValueError, OSError, KeyError) as error:
        raise UserError(f"SLURM: its environment does not say which workers there are: {error}") from error
    return Cluster(tuple(addresses), int(index), "SLURM")


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
            lost = [self._cluster.name(index) for index, count in missed.items() if count >= MISSES]
            if lost and not self._ended.is_set():
                self._lost(", ".join(lost))
                return
