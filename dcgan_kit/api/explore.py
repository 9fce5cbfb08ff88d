"""A page to play with generators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dcgan_kit.api.arguments import require_list, require_whole
from dcgan_kit.api.run import Run, open_run
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.runs.folder_content import require_checkpoint
from dcgan_kit.terminal.console import note

MOST_RUNS = 16


def explore(
    runs: str | Path | Sequence[str | Path],
    *,
    port: int = 0,
    browser: bool = False,
    settings: PluginSettings | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a page to play with the generators of runs, on this machine only, until the process is stopped.

    The page needs ``pip install 'dcgan-kit[explore]'``. Its address has a random token; without it, no request is
    answered.

    Args:
        runs: a run folder, or several, which the page can show at the same latent vector.
        port: the port, 0 … 65535; 0: any that is free.
        browser: open the page in a browser.
        settings: which plugins may be loaded; default: the settings of the environment.
        ready: receives the address as soon as the page can be opened; default: print it.

    Raises:
        UserError: Starlette or uvicorn is missing, there is no such run, or the port is taken.
        RunError: a run has no checkpoint.
    """
    require_whole("port", port, 0, 65535)
    given = [runs] if isinstance(runs, str | Path) else [*require_list("runs", runs)]
    if not 1 <= len(given) <= MOST_RUNS:
        raise UserError(f"runs: give 1 to {MOST_RUNS} runs. Received: {len(given)}")
    require_server()
    opened = [_opened(Path(run), settings) for run in given]
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.explorer.serving import listening, serve
    from dcgan_kit.explorer.source import Source
    from dcgan_kit.reports.facts import labels

    sources = [Source(run, name) for run, name in zip(opened, labels([run.path for run in opened]), strict=True)]
    with listening(port) as found:
        for source in sources:
            source.warm_up()
        serve(sources, found, lambda address: _announce(address, browser, ready))


def require_server() -> None:
    """Check that what serves the page is installed.

    Raises:
        UserError: it is not.
    """
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"the explorer needs {error.name}, which is not installed: pip install 'dcgan-kit[explore]'"
        ) from error


def _opened(path: Path, settings: PluginSettings | None) -> Run:
    run = open_run(path, settings=settings)
    require_checkpoint(run.folder)
    return run


def _announce(address: str, browser: bool, ready: Callable[[str], None] | None) -> None:
    if ready is not None:
        ready(address)
    else:
        note(f"open {address}\nOnly this machine can open it, and only with this address. Ctrl-C ends it.")
    if browser:
        import webbrowser

        webbrowser.open(address)
