"""A page to play with generators."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from dcgan_kit.api.arguments import require_list, require_whole
from dcgan_kit.api.generators import Generator, open_generator
from dcgan_kit.api.run import Run
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.terminal.console import note
from dcgan_kit.terminal.progress import TaskProgress

MOST_SOURCES = 16


def explore(
    sources: str | Path | Sequence[str | Path],
    *,
    port: int = 0,
    browser: bool = False,
    ready: Callable[[str], None] | None = None,
    settings: PluginSettings | None = None,
) -> None:
    """Serve a page to play with trained generators, to this machine only, until a signal stops the process.

    The page needs ``pip install 'dcgan-kit[explore]'``. Its address has a random token; without it, no request is
    answered.

    Args:
        sources: a run folder, a generator file or the name of a recipe that comes with a trained generator; or several,
            which the page can show at the same latent vector.
        port: the port, 0 … 65535; 0: any that is free.
        browser: open the page in a browser.
        ready: receives the address when the page can be opened; default: print it.
        settings: which plugins may be loaded; default: the settings of the environment.

    Raises:
        UserError: Starlette or uvicorn is missing, there is no such generator, or the port is taken.
        RunError: a run has no checkpoint.
    """
    require_whole("port", port, 0, 65535)
    given = [sources] if isinstance(sources, str | Path) else [*require_list("sources", sources)]
    if not 1 <= len(given) <= MOST_SOURCES:
        raise UserError(f"sources: give 1 to {MOST_SOURCES}. Received: {len(given)}")
    _require_server()
    opened = [open_generator(source, settings=settings) for source in given]
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.explorer.server import listening, serve
    from dcgan_kit.explorer.source import Source

    named = [Source(each, name) for each, name in zip(opened, source_names(given, opened), strict=True)]
    with listening(port) as found:
        with TaskProgress() as progress:
            for number, source in enumerate(named):
                progress.preparation("loading generators", number, len(named))
                source.warm_up()
        for line in (line for source in named for line in source.notes):
            note(line)
        serve(named, found, lambda address: _announce(address, browser, ready))


def source_names(given: Sequence[str | Path], opened: Sequence[Run | Generator]) -> Sequence[str]:
    """Return a unique name for each source: that of its recipe if it was given so, else parts of its path."""
    from dcgan_kit.reports.facts import labels

    paths = labels([each.path for each in opened])
    names = [
        path if Path(source) == each.path else os.fspath(source)
        for source, each, path in zip(given, opened, paths, strict=True)
    ]
    return names if len(set(names)) == len(names) else paths


def _require_server() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"the page needs {error.name}, which is not installed: pip install 'dcgan-kit[explore]'"
        ) from error


def _announce(address: str, browser: bool, ready: Callable[[str], None] | None) -> None:
    if ready is None:
        note(f"open {address}\nOnly this machine can open it, and only with this address. Ctrl-C ends it.")
    else:
        ready(address)
    if browser:
        import webbrowser

        webbrowser.open(address)
