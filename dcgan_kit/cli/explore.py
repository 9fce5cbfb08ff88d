"""The command ``explore``."""

from __future__ import annotations

from pathlib import Path

import click

from dcgan_kit.cli.options import plugin_options, plugin_settings
from dcgan_kit.cli.stop_signals import stoppable


@click.command()
@click.argument("sources", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RUN|FILE|RECIPE...")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="PORT", help="Port of the page.  [default: a free one]"
)
@click.option("--browser", is_flag=True, help="Open the page in your browser.")
@plugin_options
def explore(sources: tuple[Path, ...], port: int, browser: bool) -> None:
    """Play with a trained generator on a page: sliders, walks, neighbours, maps, and pictures of your own.

    It is that of a RUN folder, of a generator FILE, or one that comes with a RECIPE. Several are shown side by side at
    the same latent vector. The page is served to this machine only.

    \b
    dcgan-kit explore lecture-fashion28 --browser
    dcgan-kit explore runs/mine runs/theirs
    """  # noqa: D301 - click looks for the character itself, not for its name
    from dcgan_kit.api.explorer_page import explore as serve

    with stoppable("the page is closed ({})"):
        serve(sources, port=port, browser=browser, settings=plugin_settings())
