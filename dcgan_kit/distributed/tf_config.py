"""Reads TF_CONFIG, an environment variable with JSON that lists a cluster's workers and says which one this is."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from dcgan_kit.distributed.addresses import fault_of_address, parts_of
from dcgan_kit.errors import UserError, did_you_mean, printable

EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
MAX_CHARACTERS = 1_000_000
"""Limit for callers with a text from another source; in an environment variable Linux allows at most 128 KiB."""
MAX_PROBLEMS = 20
TRAINING = ("chief", "worker")
"""Jobs whose tasks train, in the order in which workers are numbered."""
OTHERS = {
    "ps": "names parameter servers, which train on stale weights; name workers only",
    "evaluator": "makes this process an evaluator, and there is none: the chief samples as it trains. Start workers "
    "only; during training, use `dcgan-kit sample` to see the run",
    "master": "is what older versions of TensorFlow called the chief; write chief, or name workers only",
    "tpu_worker": "names workers of a TPU; leave TF_CONFIG unset, and give --strategy tpu with distribute.tpu",
    "coordinator": "names a coordinator, which has workers only in training on stale weights; name workers only",
}
"""Other jobs that TensorFlow knows, with the message that explains why none of them trains here."""


def workers_of(text: str) -> tuple[tuple[str, ...], int] | None:
    """Return ``host:port`` of all workers and the index of this one; None if the text names no cluster.

    The chief is worker 0. Keys other than ``cluster`` and ``task`` are ignored, because other programs may use them. So
    is a job ``evaluator`` if this process is not an evaluator.

    Args:
        text: the value of the variable.

    Raises:
        UserError: the text is not JSON, or something is missing or not valid; one line per problem, with its place.
    """
    config = _parsed(text)
    problems: list[str] = []
    if not isinstance(config, dict):
        raise UserError(f"TF_CONFIG: must be an object (given: {_shown(config)}); it looks like {EXAMPLE}")
    jobs = _jobs(config.get("cluster", {}), problems)
    counted = [address for job in TRAINING for address in jobs.get(job, [])]
    index = None
    if config.get("cluster", {}) != {}:
        index = _task(config.get("task"), jobs, len(counted), problems)
        if not counted and not problems:
            problems.append(f"TF_CONFIG: cluster: names no worker; it looks like {EXAMPLE}")
    if problems:
        shown = problems[:MAX_PROBLEMS]
        more = [f"TF_CONFIG: and {len(problems) - len(shown)} more problems"] if len(problems) > len(shown) else []
        raise UserError("\n".join([*shown, *more]))
    return None if not counted or index is None else (tuple(counted), index)


def _parsed(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise UserError(f"TF_CONFIG: has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read")
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise UserError(f"TF_CONFIG: is nested too deeply; it looks like {EXAMPLE}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"TF_CONFIG: is not JSON: {error.msg} at {place}; it looks like {EXAMPLE}") from error
    except ValueError as error:
        # Numbers with thousands of digits, and the errors of the two functions below.
        raise UserError(f"TF_CONFIG: is not understood: {error}; it looks like {EXAMPLE}") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {_shown(key)} occurs twice")
        found[key] = value
    return found


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _jobs(cluster: Any, problems: list[str]) -> dict[str, list[str]]:
    """Return the valid addresses of each job; append a message to ``problems`` for each fault."""
    if not isinstance(cluster, dict):
        problems.append(f"TF_CONFIG: cluster: must be an object of jobs (given: {_shown(cluster)})")
        return {}
    jobs: dict[str, list[str]] = {}
    places: dict[tuple[str, int], str] = {}
    for job, addresses in cluster.items():
        place = f"TF_CONFIG: cluster.{_named(job)}"
        if job in OTHERS and job != "evaluator":
            problems.append(f"{place}: {OTHERS[job]}")
        elif job not in TRAINING and job != "evaluator":
            problems.append(f"{place}: is not a job that trains.{did_you_mean(job[:100], TRAINING)}")
        elif not isinstance(addresses, list):
            problems.append(f"{place}: must be a list of host:port (given: {_shown(addresses)})")
        elif job != "evaluator":
            jobs[job] = []
            for number, address in enumerate(addresses):
                _address(address, f"{place}[{number}]", jobs[job], places, problems)
    if len(jobs.get("chief", [])) > 1:
        problems.append("TF_CONFIG: cluster.chief: names several chiefs; name one, or workers only")
    return jobs


def _address(
    address: Any, place: str, good: list[str], places: dict[tuple[str, int], str], problems: list[str]
) -> None:
    if not isinstance(address, str):
        problems.append(f"{place}: must be a text, host:port (given: {_shown(address)})")
        return
    fault = fault_of_address(address)
    if fault:
        problems.append(f"{place}: is not an address: {_shown(address)} {fault}")
        return
    host, port = parts_of(address)
    first = places.setdefault((host.lower(), port), place)
    if first != place:
        problems.append(f"{place}: names {address} twice (as {first.partition(': ')[2]}); each worker has its own")
    good.append(address)


def _task(task: Any, jobs: dict[str, list[str]], count: int, problems: list[str]) -> int | None:
    """Return the index of this process among all workers; append a message to ``problems`` for each fault."""
    if task is None and count <= 1:
        return 0
    if not isinstance(task, dict):
        problem = "is missing" if task is None else f"must be an object (given: {_shown(task)})"
        problems.append(f"TF_CONFIG: task: {problem}; say which worker this is: {EXAMPLE}")
        return None
    job, index = task.get("type"), task.get("index")
    known = isinstance(job, str) and job in TRAINING
    if job is None:
        problems.append("TF_CONFIG: task.type: is missing; write worker")
    elif isinstance(job, str) and job in OTHERS:
        problems.append(f"TF_CONFIG: task.type: {OTHERS[job]}")
    elif not known:
        meant = did_you_mean(job[:100], TRAINING) if isinstance(job, str) else " Write worker."
        problems.append(f"TF_CONFIG: task.type: is not a job that trains (given: {_shown(job)}).{meant}")
    # In Python, True is an int.
    if not isinstance(index, int) or isinstance(index, bool):
        problem = "is missing" if index is None else f"must be a whole number (given: {_shown(index)})"
        problems.append(f"TF_CONFIG: task.index: {problem}; the first {job if known else 'worker'} is 0")
        return None
    if not known or problems:
        return None
    if not 0 <= index < len(jobs.get(str(job), [])):
        there = len(jobs.get(str(job), []))
        problems.append(f"TF_CONFIG: task.index: there is no {job} {_shown(index)}: cluster.{job} has {there}, from 0")
        return None
    return index + (len(jobs.get("chief", [])) if job == "worker" else 0)


def _named(key: str) -> str:
    return printable(key[:40]).replace("\n", "\\n") + ("…" if len(key) > 40 else "")


def _shown(value: Any) -> str:
    """Return a value as JSON, shortened to 60 characters on one line."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = type(value).__name__
    return printable(text[:60]).replace("\n", "\\n") + ("…" if len(text) > 60 else "")
