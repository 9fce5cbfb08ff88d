"""Records of claims: the plan before the first run, and the verdict after the last one, in compact form."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.files import read_regular, write_whole
from dcgan_kit.recipes.yaml_writer import as_data
from dcgan_kit.runs.environment import machine
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.definition import Study
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.studies.ranks import Rank
    from dcgan_kit.studies.results import StudyResult
    from dcgan_kit.studies.verdicts import ClaimResult

RECORD = "claim.json"
PLAN = "plan.json"
SAMPLES = "samples.png"
DISCUSSION = "discussion.md"
MOST_BYTES = 4 * 2**20
MOST_OF_A_DISCUSSION = 2**16
WHEN = ("date", "machine")


def read_record(file: Path) -> Mapping[str, Any] | None:
    """Return the record of a claim's verdict; None if there is none that can be read."""
    try:
        data = json.loads(read_regular(file, MOST_BYTES, follow_links=False))
    except (OSError, ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def read_discussion(folder: Path) -> str:
    """Return what somebody wrote about a verdict, in Markdown; empty if there is nothing."""
    try:
        return read_regular(folder / DISCUSSION, MOST_OF_A_DISCUSSION, follow_links=False).decode()
    except (OSError, ValueError):
        return ""


def write_samples(folder: Path, result: StudyResult) -> dict[str, Any] | None:
    """Write the picture of the samples of all variants, and return what it shows; None if there are no samples.

    Raises:
        RunError: it cannot be written.
    """
    from dcgan_kit.reports.claim_samples import claim_samples

    found = claim_samples(StudyFolder(folder), result)
    with writing(folder / SAMPLES):
        if found is None:
            (folder / SAMPLES).unlink(missing_ok=True)
            return None
        write_whole(folder / SAMPLES, found.content)
    return {"file": SAMPLES, "seed": found.seed, "rows": list(found.rows)}


def write_record(folder: Path, record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write the record of a verdict, and return it with the date and the machine. If nothing changed, both stay.

    Raises:
        RunError: it cannot be written.
    """
    before = read_record(folder / RECORD) or {}
    same = {key: value for key, value in before.items() if key not in WHEN} == json.loads(json.dumps(record))
    when = {key: before.get(key) for key in WHEN} if same else {"date": time.strftime("%Y-%m-%d"), "machine": machine()}
    whole = {**record, **when}
    _write(folder / RECORD, whole)
    return whole


def _write(file: Path, data: Mapping[str, Any]) -> None:
    with writing(file):
        write_whole(file, (json.dumps(data, indent=2, allow_nan=False) + "\n").encode())


def kept_plan(path: Path, study: Study, settings: PluginSettings | None) -> dict[str, Any]:
    """Return the hash of what is planned. The first one is written before any run, and stays.

    It covers the study file, and every recipe with all its keys.
    """
    from dcgan_kit.api.catalogue import chosen
    from dcgan_kit.api.study_plan import planned
    from dcgan_kit.studies.claims import plan_hash

    plan = planned(replace(study, seeds=1, budget=None), path, chosen(settings), lambda variants, home: {})
    recipes = [as_data(run.recipe) for run in plan.runs]
    now = plan_hash(json.dumps([study.without_folders().as_yaml(), recipes], sort_keys=True))
    first = read_record(path / PLAN)
    if first is None or not isinstance(first.get("plan"), str):
        first = {"plan": now}
        with StudyFolder(path).locked(lambda: note(f"{path}: another command works on it; waiting")):
            _write(path / PLAN, first)
    return {"plan": now, "first_plan": first["plan"], "plan_changed": first["plan"] != now}


def record_of(
    name: str,
    study: Study,
    plan: Mapping[str, Any],
    verdict: ClaimResult,
    result: StudyResult,
    samples: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return a verdict in compact form: what was planned, what was found, and what it cost."""
    from dcgan_kit.studies.ranks import ranking

    return {
        "version": 1,
        "name": name,
        "sentence": verdict.claim.sentence,
        "said": verdict.claim.said,
        "study": study.without_folders().as_yaml(),
        **plan,
        "verdict": verdict.verdict,
        "expectations": [
            {
                "expected": str(finding.expectation),
                "verdict": finding.verdict,
                "disagreement": finding.disagreement,
                "numbers": [
                    {"number": one.number, "verdict": one.verdict, "found": one.found} for one in finding.judged
                ],
            }
            for finding in verdict.findings
        ],
        "seeds": result.seeds,
        "variants": [_variant_data(result, index) for index in range(len(result.variants))],
        "rankings": {
            number: [_rank_data(result, one) for one in ranks]
            for number in result.numbers
            if (ranks := ranking(result, number))
        },
        "samples": samples,
    }


def _rank_data(result: StudyResult, one: Rank) -> dict[str, Any]:
    from dcgan_kit.studies.results import finite

    return {
        "title": result.variants[one.variant].title,
        "rank": one.rank,
        "best": one.best,
        "worst": one.worst,
        "failed": one.failed,
        "mean": finite(one.mean),
        "low": finite(one.interval.low),
        "high": finite(one.interval.high),
    }


def _variant_data(result: StudyResult, index: int) -> dict[str, Any]:
    from statistics import mean, stdev

    runs = result.of(index)
    costs = [run.cost for run in runs if run.cost is not None]
    numbers = {}
    for number in result.numbers:
        values = list(result.values(index, number).values())
        if values:
            numbers[number] = {"mean": mean(values), "deviation": stdev(values) if len(values) > 1 else None}
    return {
        "title": result.variants[index].title,
        "finished": sum(bool(run.readings) for run in runs),
        "failed": sum(bool(run.failure) for run in runs),
        "numbers": numbers,
        "parameters": costs[0].parameters if costs else None,
        "multiply_accumulates": costs[0].multiply_accumulates if costs else None,
        "seconds": round(sum(cost.seconds for cost in costs), 1),
    }
