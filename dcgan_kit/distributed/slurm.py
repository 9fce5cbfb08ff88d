"""The tasks of a SLURM job step: the host of each task, and the index of this process.

TensorFlow has a resolver for SLURM, but it calls nvidia-smi, so it fails on nodes without GPUs. It also sorts hosts
alphabetically, while SLURM numbers tasks in the order of its list, where n9 comes before n10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice, repeat
from typing import TypeVar

from dcgan_kit.distributed.addresses import fault_of_host
from dcgan_kit.errors import UserError, printable

T = TypeVar("T")

FIRST_PORT, PORTS = 12_000, 10_000
"""Ports depend on the job ID, so that two jobs on one host rarely share one; Linux assigns higher ports itself."""
MAX_TASKS = 32_768
"""Most tasks of a step: enough for any training, and few enough for valid port numbers."""
MAX_CHARACTERS, MAX_BRACKETS = 200_000, 8
"""Most characters of a variable, such as a list of hosts, and most brackets in one host's name."""


def tasks_of_step(environment: Mapping[str, str]) -> tuple[tuple[str, ...], int] | None:
    """Return ``host:port`` of every task and the index of this one; None if there is no step of several tasks.

    Args:
        environment: ``os.environ`` of a process that srun started.

    Raises:
        UserError: a variable of the step is missing or not valid.
    """
    if environment.get("SLURM_STEP_NUM_TASKS", "1") == "1":
        return None
    try:
        count = _whole(environment, "SLURM_STEP_NUM_TASKS", 1, MAX_TASKS)
        index = _whole(environment, "SLURM_PROCID", 0, MAX_TASKS)
        hosts = _bounded(expanded_hosts(_text(environment, "SLURM_STEP_NODELIST")), count)
        tasks = _bounded(_expanded_counts(_text(environment, "SLURM_STEP_TASKS_PER_NODE"), count), count)
        job = _whole(environment, "SLURM_JOB_ID", 0, 10**18) if "SLURM_JOB_ID" in environment else 0
    except KeyError as error:
        raise UserError(f"SLURM: {error.args[0]} is not set; start each worker by srun") from error
    except ValueError as error:
        raise UserError(
            f"SLURM: its environment variables are not valid: {error}. Start each worker by srun, or set TF_CONFIG"
        ) from error
    if len(hosts) != len(tasks) or sum(tasks) != count or not index < count:
        raise UserError(
            f"SLURM: its environment variables contradict each other: task {index} of {count}, {len(hosts)} hosts with "
            f"{sum(tasks)} tasks (SLURM_STEP_NODELIST, SLURM_STEP_TASKS_PER_NODE)"
        )
    first = FIRST_PORT + job % PORTS
    addresses = [(host, first + task) for host, number in zip(hosts, tasks, strict=True) for task in range(number)]
    if len(set(addresses)) < count:
        raise UserError("SLURM: SLURM_STEP_NODELIST names a host twice; start each worker by srun, or set TF_CONFIG")
    here = environment.get("SLURMD_NODENAME", addresses[index][0])
    if here != addresses[index][0]:
        raise UserError(
            f"SLURM: task {index} runs on {here}, and would run on {addresses[index][0]} if tasks were counted host by "
            "host; give srun --distribution=block"
        )
    return tuple(f"{host}:{port}" for host, port in addresses), index


def _text(environment: Mapping[str, str], name: str) -> str:
    text = environment[name]
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"{name} has {len(text):,} characters")
    return text


def _whole(environment: Mapping[str, str], name: str, lowest: int, highest: int) -> int:
    text = environment[name]
    # int() also accepts 1_0, spaces, and digits of other scripts.
    if not re.fullmatch(r"[0-9]{1,18}", text) or not lowest <= int(text) <= highest:
        raise ValueError(f"{name} must be a whole number from {lowest} to {highest} (given: {_shown(text)})")
    return int(text)


def _bounded(items: Iterator[T], count: int) -> list[T]:
    """Return at most ``count + 1`` items, because ``n[1-999999999]`` would take all memory."""
    return list(islice(items, count + 1))


def _shown(text: str) -> str:
    return repr(printable(text[:60])) + ("…" if len(text) > 60 else "")


def expanded_hosts(text: str) -> Iterator[str]:
    """Yield the hosts of a SLURM list: ``n[08-10,12],login`` → n08, n09, n10, n12, login.

    Raises:
        ValueError: the text is not such a list.
    """
    for item in re.findall(r"(?:\[[^\[\]]*\]|[^,\[\]])+|.", text, re.DOTALL):
        if item != ",":
            yield from _expanded(item)


def _expanded(item: str, brackets: int = 0) -> Iterator[str]:
    match = re.fullmatch(r"([^\[\]]*)\[([0-9,-]+)\](.*)", item, re.DOTALL)
    if match is None or brackets == MAX_BRACKETS:
        # Only whole names are checked as hosts; the rest behind a bracket is checked together with its start.
        fault = "has a bracket that is not understood" if re.search(r"[\[\]]", item) else ""
        if fault or (not brackets and (fault := fault_of_host(item))):
            raise ValueError(f"SLURM_STEP_NODELIST: {_shown(item)} is not a host: it {fault}")
        yield item
        return
    before, ranges, after = match.groups()
    for part in ranges.split(","):
        numbers = re.fullmatch(r"([0-9]{1,18})(?:-([0-9]{1,18}))?", part)
        if numbers is None or int(numbers[2] or numbers[1]) < int(numbers[1]):
            raise ValueError(f"SLURM_STEP_NODELIST: {_shown(part)} is not a range of hosts")
        for number in range(int(numbers[1]), int(numbers[2] or numbers[1]) + 1):
            for rest in _expanded(after, brackets + 1) if after else [""]:
                host = f"{before}{number:0{len(numbers[1])}}{rest}"
                if not brackets and (fault := fault_of_host(host)):
                    raise ValueError(f"SLURM_STEP_NODELIST: {_shown(host)} is not a host: it {fault}")
                yield host


def _expanded_counts(text: str, most: int) -> Iterator[int]:
    """``2(x3),1`` → 2, 2, 2, 1."""
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,18})(?:\(x([0-9]{1,18})\))?", part)
        if match is None or not 0 < int(match[1]) <= most:
            raise ValueError(f"SLURM_STEP_TASKS_PER_NODE {_shown(text)}")
        yield from repeat(int(match[1]), int(match[2] or 1))
