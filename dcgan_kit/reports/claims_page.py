"""A page in Markdown about claims: their verdicts in a table, then what was expected and found for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dcgan_kit.errors import printable

MOST_TEXT = 2000
ORDER = ("supported", "refuted", "inconclusive")


def claims_page(records: Sequence[Mapping[str, Any]]) -> str:
    """Return the page. Records are untrusted: what is no text or number of the right kind is left out.

    Args:
        records: records of verdicts, as ``claim.json`` holds them.
    """
    return "\n".join(_lines(records)).rstrip() + "\n"


def _lines(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "# Claims and their verdicts"
    yield ""
    for verdict in ORDER:
        found = [one for one in records if one.get("verdict") == verdict]
        if found:
            yield f"* **{verdict}**: {len(found)} of {len(records)}"
    yield ""
    yield "| claim | verdict | sentence |"
    yield "| --- | --- | --- |"
    for one in records:
        name = _text(one.get("name"))
        yield f"| [{name}](#{name}) | {_text(one.get('verdict'))} | {_text(one.get('sentence'))} |"
    yield ""
    for one in records:
        yield from _claim(one)


def _claim(record: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {_text(record.get('name'))}"
    yield ""
    yield f"**{_text(record.get('verdict'))}**: {_text(record.get('sentence'))} (Said in {_text(record.get('said'))}.)"
    yield ""
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
    yield _origin(record)
    yield ""


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
        listed = ", ".join(f"{_text(name)} {_text(version)}" for name, version in versions)
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
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "-"
    return format(int(value) if form in ("d", ",") else value, form)
