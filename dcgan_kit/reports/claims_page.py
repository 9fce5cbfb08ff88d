"""A page in Markdown about claims: their verdicts in a table, then what was expected and found for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dcgan_kit.errors import printable

MOST_TEXT = 2000
LARGEST = 1e100
ORDER = ("supported", "refuted", "inconclusive")

INTRODUCTION = """# Claims and their verdicts

Each claim is a statement about deep convolutional GANs. A study compares the variants that the statement is about. Most
studies train each variant with several seeds; some look at networks before training. Each number that a study reads is
a *judge*. What would support the claim, and what would refute it, was written down before the study began. A verdict
holds for the recipe, the data and the training of its study. *Inconclusive* means that the study shows neither support
nor refutation; it does not mean that there is no difference.

To repeat a study: `dcgan-kit claims run NAME`. To write this page: `dcgan-kit claims report`.
"""


@dataclass(frozen=True)
class WrittenClaim:
    """A claim as the page shows it.

    Attributes:
        record: the record of its verdict, as ``claim.json`` holds it.
        place: path of its folder from the page; the picture of its samples lies there.
        discussion: what somebody wrote about the verdict, in Markdown; empty if nothing.
    """

    record: Mapping[str, Any]
    place: str = ""
    discussion: str = ""


def claims_page(claims: Sequence[WrittenClaim]) -> str:
    """Return the page. Records are untrusted: what is no text or number of the right kind is left out."""
    return "\n".join(_lines(claims)).rstrip() + "\n"


def _lines(claims: Sequence[WrittenClaim]) -> Iterator[str]:
    records = [one.record for one in claims]
    yield INTRODUCTION
    for verdict in ORDER:
        found = [one for one in records if one.get("verdict") == verdict]
        if found:
            yield f"* **{verdict}**: {len(found)} of {len(records)}"
    yield ""
    yield "| claim | verdict | sentence |"
    yield "| --- | --- | --- |"
    for record in records:
        name = _text(record.get("name"))
        yield f"| [{name}](#{name}) | {_text(record.get('verdict'))} | {_text(record.get('sentence'))} |"
    yield ""
    for one in claims:
        yield from _claim(one)


def _claim(written: WrittenClaim) -> Iterator[str]:
    record = written.record
    yield f"## {_text(record.get('name'))}"
    yield ""
    yield f"**{_text(record.get('verdict'))}**: {_text(record.get('sentence'))} (Said in {_text(record.get('said'))}.)"
    yield ""
    if written.discussion.strip():
        yield _without_html(written.discussion)
        yield ""
    yield from _samples(record.get("samples"), written.place)
    yield "| expected | number | verdict | found |"
    yield "| --- | --- | --- | --- |"
    for one in _list(record.get("expectations")):
        for number in _list(one.get("numbers")):
            cells = (one.get("expected"), number.get("number"), number.get("verdict"), number.get("found"))
            yield f"| {' | '.join(map(_text, cells))} |"
    for one in _list(record.get("expectations")):
        if one.get("disagreement"):
            yield ""
            yield f"The numbers disagree: {_text(one['disagreement'])}."
    yield ""
    yield "| variant | runs | numbers | parameters | multiply-accumulates of a run | seconds of all runs |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in _list(record.get("variants")):
        yield _variant(one)
    yield ""
    yield from _rankings(record.get("rankings"))
    yield _origin(record)
    yield ""


def _rankings(rankings: Any) -> Iterator[str]:
    """Yield the variants in the order of each number, with intervals."""
    for number, ranks in list(rankings.items())[:100] if isinstance(rankings, Mapping) else ():
        yield f"| rank by {_text(number)} | variant | 95 % of ranks | mean | 95 % interval | failed |"
        yield "| --- | --- | --- | --- | --- | --- |"
        for one in _list(ranks):
            best, worst, rank, failed = (_number(one.get(key), "d") for key in ("best", "worst", "rank", "failed"))
            mean, low, high = (_number(one.get(key), ".4g") for key in ("mean", "low", "high"))
            yield f"| {rank} | {_text(one.get('title'))} | {best} to {worst} | {mean} | {low} to {high} | {failed} |"
        yield ""


def _samples(samples: Any, place: str) -> Iterator[str]:
    """Yield the picture of samples, if there is one in the folder of the claim."""
    if not isinstance(samples, Mapping) or not isinstance(file := samples.get("file"), str):
        return
    if not re.fullmatch(r"[a-z]+\.png", file):
        return
    rows = samples.get("rows")
    titles = "; ".join(_text(row) for row in rows[:100]) if isinstance(rows, list) else ""
    yield f"![samples of {titles}]({quote(f'{place}/{file}' if place else file)})"
    yield ""
    yield (
        f"Samples of seed {_number(samples.get('seed'), 'd')}, by row: {titles}. Columns show equal latent vectors, if "
        "the variants have latent vectors of equal size."
    )
    yield ""


def _without_html(text: str) -> str:
    """Return a text in Markdown in which nothing is HTML, a heading or a block of code."""
    lines = [printable(line).replace("<", "&lt;") for line in text.strip().splitlines()]
    return "\n".join(re.sub(r"^(\s*)(#|={2,}\s*$|-{2,}\s*$|```|~~~)", r"\1\\\2", line) for line in lines)


def _variant(one: Mapping[str, Any]) -> str:
    numbers = one.get("numbers")
    shown = []
    for name, values in numbers.items() if isinstance(numbers, Mapping) else ():
        if isinstance(values, Mapping):
            deviation = values.get("deviation")
            spread = "" if deviation is None else f" ± {_number(deviation, '.2g')}"
            shown.append(f"{_text(name)} {_number(values.get('mean'), '.4g')}{spread}")
    finished, failed = one.get("finished"), one.get("failed")
    runs = f"{_number(finished, 'd')}{f', {_number(failed, chr(100))} failed' if failed else ''}"
    cells = (
        _text(one.get("title")),
        runs,
        ", ".join(shown),
        _number(one.get("parameters"), ","),
        _number(one.get("multiply_accumulates"), ".3g"),
        _number(one.get("seconds"), ".0f"),
    )
    return f"| {' | '.join(cells)} |"


def _origin(record: Mapping[str, Any]) -> str:
    """Return where the numbers come from, and the hash of the plan."""
    plan = f"Plan {_text(record.get('plan'))}"
    if record.get("plan_changed") is not False:
        plan += f", which is not the first one ({_text(record.get('first_plan'))})"
    machine = record.get("machine")
    where = ""
    if isinstance(machine, Mapping):
        packages = machine.get("packages")
        versions = packages.items() if isinstance(packages, Mapping) else ()
        own = [("dcgan-kit", machine.get("dcgan_kit")), *versions]
        listed = ", ".join(f"{_text(name)} {_text(version)}" for name, version in own)
        where = f" on {_number(machine.get('cores'), 'd')} cores of {_text(machine.get('processor'))} ({listed})"
    return f"{plan}; {_number(record.get('seeds'), 'd')} seeds; {_text(record.get('date'))}{where}."


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)][:1000] if isinstance(value, list) else []


def _text(value: Any) -> str:
    """Return a text for a cell of Markdown: in one line, without anything that Markdown or HTML would obey."""
    text = " ".join(printable(str(value if value is not None else "-")).split())[:MOST_TEXT]
    for sign in "\\`*[]<>|":
        text = text.replace(sign, f"\\{sign}")
    return text


def _number(value: Any, form: str) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > LARGEST or value != value:
        return "-"
    return format(int(value) if form in ("d", ",") else value, form)
