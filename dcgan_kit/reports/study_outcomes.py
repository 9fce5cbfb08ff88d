"""What may be said of a study, and how its runs ended: failures, missing runs, and what probes found."""

from __future__ import annotations

from collections.abc import Sequence

from dcgan_kit.errors import counted, printable
from dcgan_kit.reports.content import Block, Listing, Paragraph, Section, Sentences, Table
from dcgan_kit.reports.run_files import shown
from dcgan_kit.reports.study_facts import StudyFacts, cut
from dcgan_kit.studies.verdicts import ClaimResult

MOST_SENTENCES = 40
"""Most comparisons that are listed openly."""
MOST_FOLDED = 400
"""Most further comparisons, which the reader can unfold."""
MOST_LIMITS = 40
LONGEST_SENTENCE = 1000
MOST_ROWS = 100
MOST_FINDINGS = 5
"""Most findings of one run."""
MOST_SEEDS = 50
MOST_NOTES = 50


def said(facts: StudyFacts) -> Section:
    """Return the section of the sentences that may be said."""
    # The sentences of the comparisons come first, then what limits them.
    sentences = [cut(printable(text).replace("\n", " "), LONGEST_SENTENCE) for text in facts.result.sentences()]
    count = len(facts.result.comparisons)
    comparisons, limits = sentences[:count], sentences[count:]
    blocks: list[Block] = [] if facts.verdict is None else _claim(facts.verdict)
    blocks.append(Sentences(tuple((*comparisons[:MOST_SENTENCES], *limits[:MOST_LIMITS]))))
    folded = comparisons[MOST_SENTENCES : MOST_SENTENCES + MOST_FOLDED]
    if folded:
        blocks.append(Listing(f"{len(folded)} more comparisons", "\n".join(folded)))
    left = len(comparisons) - MOST_SENTENCES - len(folded)
    if left > 0:
        blocks.append(Paragraph(f"{left:,} more comparisons are only in `study.json`."))
    return Section("result", "What the study shows", "", tuple(blocks))


def _claim(found: ClaimResult) -> list[Block]:
    """Return the claim of a study, its verdict, and what each number says of each expectation."""
    tones = {"supported": "well", "refuted": "ill", "inconclusive": "missing"}
    where = f" ({shown(found.claim.said)})" if found.claim.said else ""
    rows = [
        (cut(shown(str(finding.expectation)), LONGEST_SENTENCE), shown(one.number), one.verdict, shown(one.found))
        for finding in found.findings
        for one in finding.judged
    ]
    return [
        Paragraph(f"Claim: {shown(found.claim.sentence)}{where}"),
        Paragraph(f"Verdict: {found.verdict}.", tones[found.verdict]),
        _table("What the claim expects, and what was found", ("expected", "number", "verdict", "found"), rows),
    ]


def outcomes(facts: StudyFacts) -> Section:
    """Return the section of failed and missing runs, and of findings."""
    result = facts.result
    failed = [run for run in result.runs if run.failure]
    found = [run for run in result.runs if run.findings]
    blocks: list[Block] = []
    if failed:
        rows = [(facts.names[run.variant], str(run.seed), shown(run.failure)) for run in failed]
        blocks.append(_table(f"{counted(len(failed), 'run')} failed", ("variant", "seed", "reason"), rows))
    if result.missing:
        missing = [
            (name, _seeds([run.seed for run in result.of(index) if not run.finished]))
            for index, name in enumerate(facts.names)
            if not all(run.finished for run in result.of(index))
        ]
        blocks.append(_table(f"{counted(result.missing, 'run')} not finished", ("variant", "seeds"), missing))
        blocks.append(Paragraph("The command that began the study trains what is missing."))
    if not failed and not result.missing:
        blocks.append(Paragraph("All runs finished.", "well"))
    if found:
        rows = [(facts.names[run.variant], str(run.seed), _findings(run.findings)) for run in found]
        title = f"Findings of probes and of training in {counted(len(found), 'run')}"
        blocks.append(_table(title, ("variant", "seed", "findings"), rows))
    else:
        blocks.append(Paragraph("No finished run has a finding."))
    blocks.extend(Paragraph(note, "missing") for note in facts.notes[:MOST_NOTES])
    if len(facts.notes) > MOST_NOTES:
        blocks.append(Paragraph(f"{len(facts.notes) - MOST_NOTES:,} more notes are left out.", "missing"))
    return Section("outcomes", "Failures and findings", "", tuple(blocks))


def _table(caption: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Table:
    part = f"; the first {MOST_ROWS} of {len(rows):,} rows" if len(rows) > MOST_ROWS else ""
    return Table(f"{caption}{part}", columns, tuple(rows[:MOST_ROWS]))


def _findings(findings: Sequence[str]) -> str:
    more = f"; and {len(findings) - MOST_FINDINGS} more" if len(findings) > MOST_FINDINGS else ""
    return "; ".join(map(shown, findings[:MOST_FINDINGS])) + more


def _seeds(seeds: Sequence[int]) -> str:
    more = f" and {len(seeds) - MOST_SEEDS} more" if len(seeds) > MOST_SEEDS else ""
    return ", ".join(map(str, seeds[:MOST_SEEDS])) + more
