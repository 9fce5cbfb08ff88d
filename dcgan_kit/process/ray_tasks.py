"""Commands as tasks of Ray: each runs on whichever node of a cluster has free processors."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.errors import RunError, UserError, printable
from dcgan_kit.files import write_whole
from dcgan_kit.process.command import Job
from dcgan_kit.process.processors import usable_processors
from dcgan_kit.process.ray_worker import DIED, Board, NodeRequirements, check_node, run_command, versions
from dcgan_kit.process.scheduler import OnEnd, OnLine
from dcgan_kit.process.stop_signals import STOPPING, Stopped, handled_signals

LOCAL = "local"
TRIES = 5
"""So often is a command started whose worker or node dies."""
TOKEN = ".ray-"
"""Begin of the name of the file by which nodes recognize the folder."""
SECONDS_TO_CONNECT = 10
SECONDS_TO_ANSWER = 120
"""A node that is busy may take this long to start a process of Ray."""
SECONDS_BETWEEN_LOOKS = 0.3
STORE_BYTES = 100 * 2**20
"""Shared memory of a Ray on this machine; tasks exchange only lines of text."""


@dataclass(frozen=True)
class RayTasks:
    """Runs commands as tasks of Ray.

    Attributes:
        address: the address of the cluster, for messages.
        threads: processors that a command takes.
        at_once: how many run at the same time; None: as many as the cluster has processors for.
        required: what every node must have.
        note: receives messages for the user.
    """

    address: str
    threads: int
    at_once: int | None
    required: NodeRequirements
    note: Callable[[str], None]

    def run(self, jobs: Sequence[Job], on_line: OnLine, on_end: OnEnd) -> None:
        """Run commands; see ``Scheduler``. A command whose worker or node dies is started again.

        Raises:
            Stopped: this process received a stop signal; all commands have ended.
            UserError: the cluster does not answer any more.
        """
        import ray

        try:
            _Tasks(self, jobs, on_line, on_end).run()
        except (ray.exceptions.RayError, ConnectionError) as error:
            raise UserError(
                f"--ray {self.address}: the cluster does not answer any more: {_first_line(error)}. What is finished "
                "stays, and the same command goes on"
            ) from error


class _Tasks:
    def __init__(self, ray_tasks: RayTasks, jobs: Sequence[Job], on_line: OnLine, on_end: OnEnd) -> None:
        import ray

        self._of, self._ray = ray_tasks, ray
        self._waiting, self._jobs = list(jobs), {job.key: job for job in jobs}
        self._on_line, self._on_end = on_line, on_end
        self._board: Any = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Board).remote()
        # A task whose worker dies is started again below, which counts it and says so.
        self._task = ray.remote(num_cpus=ray_tasks.threads, max_retries=0)(run_command)
        self._running: dict[Any, Job] = {}
        self._begun: set[str] = set()
        self._deaths: Counter[str] = Counter()
        self._signals: list[int] = []
        self._received: list[signal.Signals] = []

    def run(self) -> None:
        try:
            with handled_signals(self._receive):
                self._start()
                while self._running:
                    ready, _ = self._ray.wait(list(self._running), timeout=SECONDS_BETWEEN_LOOKS)
                    self._look()
                    for task in ready:
                        self._take(task)
                    self._start()
        finally:
            for task in self._running:
                self._ray.cancel(task)
            self._ray.kill(self._board)
        if self._received:
            raise Stopped(self._received[0])

    def _receive(self, number: int, _: Any) -> None:
        self._received.append(signal.Signals(number))
        self._signals.append(number)

    def _end(self) -> None:
        if not self._signals:
            self._signals.append(signal.SIGTERM)

    def _start(self) -> None:
        most = self._of.at_once or len(self._jobs)
        while self._waiting and len(self._running) < most and not self._signals:
            job = self._waiting.pop(0)
            task = self._task.remote(self._board, self._of.required, job.key, job.arguments, dict(job.variables))
            self._running[task] = job

    def _look(self) -> None:
        """Exchange signals and lines with the tasks, and cancel those that have not begun if all should end."""
        lines, begun = self._ray.get(self._board.take.remote(list(self._signals)), timeout=SECONDS_TO_ANSWER)
        self._begun |= begun
        for key, line in lines:
            if self._on_line(self._jobs[key], line) is False:
                self._end()
        if self._signals:
            for task, job in self._running.items():
                if job.key not in self._begun:
                    self._ray.cancel(task)

    def _take(self, task: Any) -> None:
        job = self._running.pop(task)
        try:
            status = self._ray.get(task)
        except self._ray.exceptions.TaskCancelledError:
            return
        except self._ray.exceptions.RayTaskError as error:
            raise UserError(f"--ray {self._of.address}: a task failed: {_first_line(error.cause)}") from error
        except self._ray.exceptions.RayError:
            status = DIED
        if status == DIED and not self._signals:
            self._deaths[job.key] += 1
            if self._deaths[job.key] < TRIES:
                self._of.note("a worker of Ray ended; its run is started again, and goes on from its last checkpoint")
                self._begun.discard(job.key)
                self._waiting.insert(0, job)
                return
        if not self._on_end(job, status):
            self._end()


@contextlib.contextmanager
def ray_tasks(
    address: str, folder: Path, threads: int, at_once: int | None, note: Callable[[str], None]
) -> Iterator[RayTasks]:
    """Connect to a cluster of Ray; yield the scheduler of its tasks.

    Args:
        address: as ``ray.init`` takes it: ``auto``, ``HOST:PORT``, ``ray://HOST:PORT``; or ``local`` for a Ray on this
            machine, which starts now, listens on loopback only, and ends at the end.
        folder: a folder that all nodes must share.
        threads: processors that a command takes.
        at_once: how many commands run at the same time; None: as many as there are processors for.
        note: receives messages for the user.

    Raises:
        UserError: Ray is not installed or cannot be reached, a node lacks something, or no node has enough processors.
        RunError: the folder cannot be written.
    """
    ray = _import_ray(address)
    folder = folder.absolute()
    required = NodeRequirements(
        str(folder), f"{TOKEN}{secrets.token_hex(8)}", secrets.token_hex(16), versions(), os.getcwd()
    )
    token = folder / required.token
    try:
        for left in folder.glob(f"{TOKEN}*"):
            # A command that was killed left it; only one works on a study at a time.
            left.unlink(missing_ok=True)
        write_whole(token, required.content.encode())
    except OSError as error:
        raise RunError(f"{token}: cannot be written: {error.strerror or error}") from error
    try:
        _connect(ray, address, threads)
        try:
            _require_nodes(ray, address, threads, required)
            yield RayTasks(address, threads, at_once, required, note)
        finally:
            ray.shutdown()
    finally:
        token.unlink(missing_ok=True)


def _import_ray(address: str) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address == LOCAL:
        # Ray listens on loopback only where it expects no cluster. It reads this when it is imported.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
    except ImportError as error:
        raise UserError(f"--ray needs Ray, which cannot be imported: pip install 'dcgan-kit[ray]' ({error})") from error
    return ray


def _connect(ray: Any, address: str, threads: int) -> None:
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address == LOCAL:
        processors = usable_processors()
        options |= {
            "num_cpus": max(threads, processors), "include_dashboard": False, "object_store_memory": STORE_BYTES,
        }  # fmt: skip
    else:
        _require_listener(address)
    # Ray replaces the handler of SIGTERM.
    before = {number: signal.getsignal(number) for number in STOPPING}
    try:
        ray.init(address, **options)
    except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError, AssertionError) as error:
        raise UserError(
            f"--ray {address}: no cluster of Ray can be reached there: {_first_line(error)}. `ray start --head` starts "
            "one; --ray local starts one on this machine for this command"
        ) from error
    finally:
        for number, handler in before.items():
            with contextlib.suppress(ValueError, TypeError):
                signal.signal(number, handler)


def _require_listener(address: str) -> None:
    """Check that somebody listens at ``HOST:PORT``, because Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_CONNECT).close()
    except (OSError, OverflowError) as error:
        raise UserError(
            f"--ray {address}: nobody answers there: {getattr(error, 'strerror', None) or error}. `ray status` prints "
            "the address of a cluster; --ray local starts one on this machine for this command"
        ) from error


def _require_nodes(ray: Any, address: str, threads: int, required: NodeRequirements) -> None:
    """Check that nodes have enough processors, see the folder, and have the same versions."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    large = [node for node in alive if node["Resources"].get("CPU", 0) >= threads]
    if not large:
        most = max((node["Resources"].get("CPU", 0) for node in alive), default=0)
        raise UserError(
            f"--ray {address}: a run takes {threads} processors (--threads), and no node has more than {most:g}"
        )
    strategy = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
    task = ray.remote(num_cpus=0, max_retries=0)(check_node)
    answers = {
        node["NodeManagerAddress"]: task.options(scheduling_strategy=strategy(node["NodeID"], soft=False)).remote(
            required
        )
        for node in large
    }
    for host, answer in answers.items():
        try:
            trouble = ray.get(answer, timeout=SECONDS_TO_ANSWER)
        except ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None) or error
            trouble = (
                f"cannot run dcgan-kit: {_first_line(cause)}. Install it there in the environment that Ray runs in"
            )
        if trouble:
            raise UserError(f"--ray {address}: node {host} {trouble}")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(lines[0])[:300].rstrip(".") if lines else type(error).__name__
