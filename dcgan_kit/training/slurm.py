"""The tasks of a SLURM job step: on which host each of them runs, and which of them this process is.

TensorFlow's own resolver asks nvidia-smi, so that it fails on nodes without GPUs, and sorts hosts by the alphabet;
SLURM counts tasks in the order of its list, where n9 comes before n10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from dcgan_kit.errors import UserError

FIRST_PORT, PORTS = 12_000, 10_000
"""Ports follow from the number of the job, so that two jobs on one host rarely meet; Linux gives out higher ones."""


def tasks_of_step(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int] | None:
    """Return ``host:port`` of every task and the index of this one; None where there is no step of several tasks.

    Args:
        environment: ``os.environ`` of a process that srun started.

    Raises:
        UserError: a variable of the step is missing, or says something that is not understood.
    """
    if environment.get("SLURM_STEP_NUM_TASKS", "1") == "1":
        return None
    try:
        count, index = int(environment["SLURM_STEP_NUM_TASKS"]), int(environment["SLURM_PROCID"])
        hosts = list(expanded_hosts(environment["SLURM_STEP_NODELIST"]))
        tasks = list(_expanded_counts(environment["SLURM_STEP_TASKS_PER_NODE"]))
        job = int(environment.get("SLURM_JOB_ID", "0"))
    except KeyError as error:
        raise UserError(f"SLURM: {error.args[0]} is not set; start each worker by srun") from error
    except ValueError as error:
        raise UserError(f"SLURM: its environment cannot be understood: {error}") from error
    first = FIRST_PORT + job % PORTS
    addresses = [(host, first + task) for host, number in zip(hosts, tasks, strict=False) for task in range(number)]
    if len(hosts) != len(tasks) or len(addresses) != count or not 0 <= index < count:
        raise UserError(
            f"SLURM: its environment contradicts itself: task {index} of {count}, {len(hosts)} hosts with "
            f"{len(addresses)} tasks (SLURM_STEP_NODELIST, SLURM_STEP_TASKS_PER_NODE)"
        )
    here = environment.get("SLURMD_NODENAME", addresses[index][0])
    if here != addresses[index][0]:
        raise UserError(
            f"SLURM: task {index} runs on {here}, and would run on {addresses[index][0]} if tasks were counted host by "
            "host; give srun --distribution=block"
        )
    return tuple(f"{host}:{port}" for host, port in addresses), index


def expanded_hosts(text: str) -> Iterator[str]:
    """Yield the hosts of a list as SLURM writes it: ``n[08-10,12],login`` → n08, n09, n10, n12, login.

    Raises:
        ValueError: it is not such a list.
    """
    for item in re.findall(r"(?:\[[^\[\]]*\]|[^,\[\]])+|.", text):
        if item != ",":
            yield from _expanded(item)


def _expanded(item: str) -> Iterator[str]:
    match = re.fullmatch(r"([^\[\]]*)\[([0-9,-]+)\](.*)", item)
    if match is None:
        if re.search(r"[\[\]\s]", item):
            raise ValueError(f"{item!r} is no host")
        yield item
        return
    before, ranges, after = match.groups()
    for part in ranges.split(","):
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            for rest in _expanded(after) if after else [""]:
                yield f"{before}{number:0{len(first)}}{rest}"


def _expanded_counts(text: str) -> Iterator[int]:
    """``2(x3),1`` → 2, 2, 2, 1."""
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if match is None:
            raise ValueError(f"SLURM_STEP_TASKS_PER_NODE {text!r}")
        yield from [int(match[1])] * int(match[2] or 1)
