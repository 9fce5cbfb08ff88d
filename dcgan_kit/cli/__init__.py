"""The command ``dcgan-kit``. Each command imports what it needs when it runs, so that the program starts quickly."""

from __future__ import annotations

import errno
import sys
import warnings
from typing import Any

import click

from dcgan_kit.cli import (
    claims,
    data,
    evaluate,
    explain,
    explore,
    export,
    film,
    invert,
    launch,
    plugin_packages,
    probe,
    report,
    sample,
    show,
    streams,
    study,
    train,
    verify_resume,
)
from dcgan_kit.cli.catalogue import components, plugins, recipes, schema
from dcgan_kit.cli.completion import completion
from dcgan_kit.cli.options import override_instead, plugin_options
from dcgan_kit.cli.stop_signals import stoppable
from dcgan_kit.errors import UserError
from dcgan_kit.process.exit_codes import INTERRUPTED, UNWRITTEN, WRONG_INPUT
from dcgan_kit.process.tensorflow_startup import quieten
from dcgan_kit.terminal.console import note
from dcgan_kit.version import __version__

_ARGUMENTS = "dcgan_kit.arguments"
_REFUSALS = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.ENAMETOOLONG,
        errno.ELOOP,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.ESTALE,
    )
)
"""File errors that no program can repair. A missing file is not among them, because it can be a bug of dcgan-kit."""


class _Commands(click.Group):
    """Prints an error of the user without a traceback. Any other error is a bug and shows its traceback."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        quieten()
        try:
            with stoppable("stopped by {}; give the same command again"):
                return super().invoke(ctx)
        except click.NoSuchOption as error:
            raise override_instead(error, ctx.meta[_ARGUMENTS]) from error
        except UserError as error:
            note(str(error))
            ctx.exit(WRONG_INPUT)
        except KeyboardInterrupt:
            note("interrupted: only what the last checkpoint holds is kept")
            ctx.exit(INTERRUPTED)
        except Exception as error:
            message = _machine_fault(error)
            if not message:
                raise
            note(message)
            ctx.exit(WRONG_INPUT)


def _machine_fault(error: Exception) -> str:
    """Return the message for an error that the system, a device or its libraries caused; empty for other errors."""
    if isinstance(error, OSError) and error.errno in _REFUSALS and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    from dcgan_kit.api.machine import machine_fault

    return machine_fault(error)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="dcgan-kit")
@plugin_options
def cli() -> None:
    """Build, train, compare and understand deep convolutional GANs.

    \b
    Start with:   dcgan-kit train lecture-fashion28
    Look around:  dcgan-kit recipes list, dcgan-kit show lecture-fashion28
    """  # noqa: D301 - click looks for the character itself, not for its name


plugins.add_command(plugin_packages.new_plugin)
plugins.add_command(plugin_packages.check_plugin)
for _command in (
    train.train,
    launch.launch,
    show.check,
    show.show,
    data.data,
    explain.explain,
    sample.sample,
    film.film,
    explore.explore,
    invert.invert,
    export.export,
    probe.probe,
    evaluate.evaluate,
    report.report,
    study.study,
    claims.claims,
    verify_resume.verify_resume,
    verify_resume.replay,
    components,
    plugins,
    recipes,
    schema,
    completion,
):
    cli.add_command(_command)


def main() -> None:
    """Run the command line, and end the process with its exit status."""
    streams.install()
    if any(action == "error" for action, *_ in warnings.filters):
        # The user may have set this for other programs; here a warning of Keras would stop training.
        warnings.simplefilter("default")
    try:
        cli(prog_name="dcgan-kit")
    except SystemExit as ended:
        lost = streams.lost_output()
        if lost:
            note(f"standard output cannot be written: {lost}")
        sys.exit(ended.code or (UNWRITTEN if lost else 0))
