"""A study file with ``search``: what ``study`` and ``study show`` do with it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.api.search_runs import is_search, read_search
from dcgan_kit.cli.options import plugin_settings
from dcgan_kit.errors import UserError, counted
from dcgan_kit.process.exit_codes import WRONG_INPUT
from dcgan_kit.terminal.console import facts, note, say, table

if TYPE_CHECKING:
    from dcgan_kit.api.results import SearchResult

__all__ = ["is_search", "run_search", "show_search"]


def run_search(
    source: Path,
    overrides: tuple[str, ...],
    given: Mapping[str, Any],
    folder: Path | None,
    dry_run: bool,
    fail_fast: bool,
    processes: int | None,
    ray: str | None,
    as_json: bool,
) -> None:
    """Run the trials of a search.

    Args:
        source: the study file.
        overrides: arguments ``dotted.key=VALUE``.
        given: options that only studies with axes take, by name; falsy if they were not given.
        folder: folder of the search.
        dry_run: whether to say only what would be trained.
        fail_fast: whether to stop at the first trial that fails.
        processes: runs at the same time.
        ray: address of a cluster of Ray.
        as_json: whether to print JSON.
    """
    from dcgan_kit.api import search_runs

    taken = [name for name, value in given.items() if value]
    if overrides:
        taken.append(overrides[0])
    if taken:
        raise UserError(f"{taken[0]}: {source} is a search, and all of it stands in the file; write it there")
    search = read_search(source)
    if dry_run:
        say(search_runs.described(search, folder))
        return
    _show(
        search_runs.run_search(
            search, folder, processes=processes, fail_fast=fail_fast, ray=ray, settings=plugin_settings()
        ),
        as_json,
    )


def show_search(folder: Path, as_json: bool) -> None:
    """Print what the search in a folder found so far."""
    from dcgan_kit.api import search_runs

    _show(search_runs.open_search(folder, settings=plugin_settings()), as_json)


def _show(result: SearchResult, as_json: bool) -> None:
    """Print the results, and end the process with the status that fits."""
    if as_json:
        facts(result.as_data())
    else:
        columns = result.columns()
        table(tuple(columns), list(zip(*columns.values(), strict=True)), right=tuple(columns))
        for sentence in result.sentences():
            say(sentence)
    if result.missing:
        note(f"{counted(result.missing, 'trial')} did not end, for reasons that may pass; the same command goes on")
        sys.exit(WRONG_INPUT)
