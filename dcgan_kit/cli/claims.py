"""The commands ``claims list``, ``claims show``, ``claims run`` and ``claims report``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import json_option, plugin_options, plugin_settings, scheduling_options
from dcgan_kit.cli.stop_signals import stoppable
from dcgan_kit.errors import counted
from dcgan_kit.process.exit_codes import WRONG_INPUT
from dcgan_kit.terminal.console import facts, note, say, table

if TYPE_CHECKING:
    from dcgan_kit.api.claims import NamedClaim

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the claims' studies.  [default: studies/claims]",
)


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
    from click.shell_completion import CompletionItem

    from dcgan_kit.api.claims import list_claims

    return [CompletionItem(name) for name in list_claims() if name.startswith(incomplete)]


@click.group()
def claims() -> None:
    """Test what is said about deep convolutional GANs.

    \b
    dcgan-kit claims list
    dcgan-kit claims run no-activation-is-linear
    """  # noqa: D301


@claims.command("list")
@folder_option
@json_option
@plugin_options
def list_claims(folder: Path | None, as_json: bool) -> None:
    """List every claim, with the verdict of its study if there is one.

    \b
    dcgan-kit claims list
    """  # noqa: D301
    from dcgan_kit.api import claims

    found = claims.list_claims(settings=plugin_settings()).values()
    verdicts = {one.name: claims.verdict_so_far(one, folder) for one in found}
    if as_json:
        facts([{"name": one.name, "sentence": one.claim.sentence, "verdict": verdicts[one.name]} for one in found])
        return
    table(
        ("claim", "verdict", "sentence"), [(one.name, verdicts[one.name] or "-", one.claim.sentence) for one in found]
    )


@claims.command()
@click.argument("name", shell_complete=_complete)
@json_option
@plugin_options
def show(name: str, as_json: bool) -> None:
    """Print a claim: what is said and where, what is trained and read, and what would support it.

    \b
    dcgan-kit claims show relu-dies
    """  # noqa: D301
    from dcgan_kit.api import claims

    found = claims.find_claim(name, settings=plugin_settings())
    if as_json:
        facts({"name": found.name, "file": str(found.file), "study": found.study.as_yaml()})
        return
    say(f"{found.claim.sentence}\n(said in {found.claim.said})\n")
    say("Supported if all of this is shown, refuted if the opposite of any:")
    for expectation in found.claim.expect:
        say(f"  {expectation}")
    say(f"\n{found.study.as_yaml()}")


@claims.command()
@click.argument("names", nargs=-1, required=True, shell_complete=_complete)
@folder_option
@click.option(
    "--seeds", type=click.IntRange(1, 1000), metavar="N", help="Runs of each variant.  [default: the claim's]"
)
@click.option("--scale", type=float, default=1.0, metavar="X", help="Train each run X times as long.  [default: 1]")
@scheduling_options
@json_option
@plugin_options
@stoppable("stopped by {}; what is finished stays, and the same command goes on")
def run(
    names: tuple[str, ...],
    folder: Path | None,
    seeds: int | None,
    scale: float,
    processes: int | None,
    ray: str | None,
    as_json: bool,
) -> None:
    """Do the studies of claims, and print the verdicts. NAMES are claims, study files, or `all`.

    \b
    dcgan-kit claims run no-activation-is-linear
    """  # noqa: D301
    from dcgan_kit.api import claims

    settings = plugin_settings()
    chosen: list[NamedClaim] = []
    for name in names:
        several = list(claims.list_claims(settings=settings).values()) if name == "all" else None
        chosen += [claims.find_claim(name, settings=settings)] if several is None else several
    for claim in chosen:
        claims.scaled(claim.study, seeds, scale)
    incomplete, records = 0, []
    for index, claim in enumerate(chosen, start=1):
        note(f"claim {index} of {len(chosen)}, {claim.name}: {claim.claim.sentence}")
        done = claims.run_claim(
            claim, folder, seeds=seeds, scale=scale, processes=processes, ray=ray, settings=settings
        )
        incomplete += done.study.missing > 0
        records.append(done.record)
        if not as_json:
            say(f"{claim.name}: {done.verdict}")
            for finding in done.result.findings:
                say(f"  {finding.verdict}: {finding.expectation}")
                for one in finding.judged:
                    say(f"    {one.number}: {one.found}")
                if finding.disagreement:
                    say(f"    the numbers disagree: {finding.disagreement}")
    if as_json:
        facts(records)
    if incomplete:
        note(f"{counted(incomplete, 'claim')} has runs that did not finish; the same command goes on")
        sys.exit(WRONG_INPUT)


@claims.command()
@folder_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Markdown file.  [default: claims.md in the folder]",
)
def report(folder: Path | None, output: Path | None) -> None:
    """Write a page about the verdicts that the folder holds, in Markdown.

    \b
    dcgan-kit claims report
    """  # noqa: D301
    from dcgan_kit.api import claims

    note(f"{claims.claims_report(folder, output)}: verdicts of claims")
