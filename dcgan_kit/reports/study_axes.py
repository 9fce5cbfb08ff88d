"""A study of several axes: the numbers by one axis or by all but one, as means over the other axes within a seed."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from dcgan_kit.reports.charts import number as shaped
from dcgan_kit.reports.content import Block, Paragraph, Section, Table
from dcgan_kit.reports.run_files import shown
from dcgan_kit.reports.study_facts import StudyFacts, cut
from dcgan_kit.reports.study_numbers import difference
from dcgan_kit.studies.results import StudyResult

MOST_GROUPS = 50
"""Most groups in a table."""
MOST_NUMBERS = 12
"""Most numbers that are grouped."""
MOST_AXES = 10
LONGEST_VALUE = 60


@dataclass(frozen=True)
class Group:
    """The variants that have equal values in some axes.

    Attributes:
        name: these values.
        variants: indices of the variants.
    """

    name: str
    variants: tuple[int, ...]


def keys_of(result: StudyResult) -> tuple[str, ...]:
    """Return the keys that the study varies."""
    return tuple(key for key, _ in result.variants[0].settings)


def groups(result: StudyResult, keys: Sequence[str]) -> tuple[Group, ...]:
    """Return the variants, grouped by their values of some keys. The first group holds the reference."""
    found: dict[tuple[str, ...], list[int]] = {}
    for index, variant in enumerate(result.variants):
        named = zip(variant.settings, variant.names, strict=True)
        values = tuple(cut(shown(name), LONGEST_VALUE) for (key, _), name in named if key in keys)
        found.setdefault(values, []).append(index)
    return tuple(Group(", ".join(values), tuple(variants)) for values, variants in found.items())


def means(result: StudyResult, group: Group, number: str) -> dict[int, float]:
    """Return the mean over the variants of a group, by seed. A seed counts only if all of these variants have it."""
    values = [result.values(variant, number) for variant in group.variants]
    return {seed: statistics.fmean(one[seed] for one in values) for seed in values[0] if all(seed in o for o in values)}


def by_axis(facts: StudyFacts) -> Section | None:
    """Return the section of grouped numbers; None for a study of one axis."""
    result = facts.result
    keys = keys_of(result)
    if len(keys) < 2:
        return None
    wanted: list[tuple[str, ...]] = [(key,) for key in keys[:MOST_AXES]]
    if len(keys) > 2:
        wanted += [tuple(other for other in keys if other != key) for key in keys[:MOST_AXES]]
    blocks: list[Block] = []
    for by in wanted:
        over = [key for key in keys if key not in by]
        title = f"By {', '.join(map(shown, by))}: means over {', '.join(map(shown, over))}"
        blocks.append(_table(result, title, groups(result, by)))
    if len(result.numbers) > MOST_NUMBERS:
        blocks.append(Paragraph(f"The first {MOST_NUMBERS} of {len(result.numbers)} numbers are grouped."))
    if len(keys) > MOST_AXES:
        blocks.append(Paragraph(f"The first {MOST_AXES} of {len(keys)} axes are shown."))
    lead = (
        "What one axis does on average over the others. The mean over the others is taken within each seed, from seeds "
        "in which all of them finished; then come mean ± standard deviation over the seeds, and the mean difference to "
        "the first group within seeds. These differences are no part of the comparisons above, and have no p-values."
    )
    return Section("axes", "By axis", lead, tuple(blocks))


def _table(result: StudyResult, title: str, found: Sequence[Group]) -> Table:
    rows = []
    for number in result.numbers[:MOST_NUMBERS]:
        first = means(result, found[0], number)
        for place, group in enumerate(found[:MOST_GROUPS]):
            mine = means(result, group, number)
            values = list(mine.values())
            apart = [mine[seed] - first[seed] for seed in mine if seed in first]
            rows.append(
                (
                    f"{shown(number)}: {group.name}",
                    str(len(values)),
                    shaped(statistics.fmean(values) if values else None),
                    shaped(statistics.stdev(values) if len(values) > 1 else None),
                    difference(statistics.fmean(apart) if apart else None) if place else "",
                )
            )
    columns = ("", "seeds", "mean", "standard deviation", "difference")
    part = f"; the first {MOST_GROUPS} of {len(found)} groups" if len(found) > MOST_GROUPS else ""
    return Table(f"{title}{part}", columns, tuple(rows), numeric=True)
