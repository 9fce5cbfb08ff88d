"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dcgan_kit.api import PluginSettings

DEFAULT_RECIPE = "lecture-fashion28"
"""The recipe to train if the user names none."""

_FOLDERS, _BLOCKED, _NONE = "dcgan_kit.folders", "dcgan_kit.blocked", "dcgan_kit.no_plugins"
_REPORTED = "dcgan_kit.reported_plugins"
"""Whether the running command has reported plugins and folders that do not exist."""


def plugin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--plugins-dir``, ``--block`` and ``--no-plugins``; ``plugin_settings`` reads them."""

    def keep(key: str) -> Callable[..., None]:
        def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
            if isinstance(value, tuple):
                context.meta[key] = (*context.meta.get(key, ()), *value)
            else:
                context.meta[key] = context.meta.get(key, False) or value

        return callback

    for option in (
        click.option(
            "--no-plugins", is_flag=True, expose_value=False, callback=keep(_NONE), help="Load built-in plugins only."
        ),
        click.option(
            "--block",
            metavar="NAME",
            multiple=True,
            expose_value=False,
            callback=keep(_BLOCKED),
            help="Do not load this plugin; may be repeated.",
        ),
        click.option(
            "--plugins-dir",
            metavar="DIR",
            type=click.Path(path_type=Path),
            multiple=True,
            expose_value=False,
            callback=keep(_FOLDERS),
            help="Load the *.py files of this folder as plugins; may be repeated.",
        ),
    ):
        command = option(command)
    return command


def plugin_settings() -> PluginSettings:
    """Return the plugin settings from the options of the running command and from the environment."""
    from dataclasses import replace

    from dcgan_kit.api import PluginSettings
    from dcgan_kit.terminal.console import note

    meta = click.get_current_context().meta
    settings = PluginSettings.from_environment()
    missing = [folder for folder in settings.folders if not folder.is_dir()]
    chosen = replace(
        settings,
        folders=(*(folder for folder in settings.folders if folder not in missing), *meta.get(_FOLDERS, ())),
        blocked=settings.blocked | frozenset(meta.get(_BLOCKED, ())),
        builtins_only=bool(meta.get(_NONE, False)),
    )
    if not meta.get(_REPORTED, False):
        meta[_REPORTED] = True
        for folder in missing:
            # Machines can share the variable without sharing the folder, so this is only a warning.
            note(f"warning: DCGAN_KIT_PLUGINS_DIR: {folder}: there is no such folder")
        _report_missing(chosen, meta.get(_BLOCKED, ()), meta.get(_FOLDERS, ()))
    return chosen


def _report_missing(settings: PluginSettings, blocked: Sequence[str], folders: Sequence[Path]) -> None:
    """Refuse plugins and folders that an option names and that do not exist.

    For names from the environment, which machines can share, print only a warning.
    """
    from dcgan_kit.api.plugin_settings import folders_without_plugins, unknown_plugins
    from dcgan_kit.errors import UserError
    from dcgan_kit.terminal.console import note

    for name, hint in unknown_plugins(settings).items():
        message = f"no plugin is called {name!r}.{hint}"
        if name in blocked:
            raise UserError(f"--block: {message}")
        note(f"warning: DCGAN_KIT_BLOCK: {message}")
    for folder in folders_without_plugins(settings):
        message = f"{folder}: holds no plugin: a plugin is a file *.py whose name does not begin with '_'"
        if folder in folders:
            raise UserError(f"--plugins-dir: {message}")
        note(f"warning: DCGAN_KIT_PLUGINS_DIR: {message}")


def complete_recipe(_: click.Context, __: click.Parameter, incomplete: str) -> list[Any]:
    """Return completions for the shell: names of built-in recipes, or files if no name fits."""
    from click.shell_completion import CompletionItem

    from dcgan_kit.api.catalogue import builtin_recipes

    names = [name for name in builtin_recipes() if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def recipe_and_overrides(recipe: str, overrides: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return the recipe and the overrides. If the first argument is an override, the recipe is the default recipe."""
    return (DEFAULT_RECIPE, (recipe, *overrides)) if "=" in recipe else (recipe, overrides)


def override_instead(error: click.NoSuchOption, arguments: Sequence[str]) -> click.UsageError:
    """Return the error for an unknown option. If the option is a key of recipes, the error shows the override to write.

    Args:
        error: the error that click raised.
        arguments: the arguments of the command line.
    """
    from dcgan_kit.api.recipe_keys import find_keys

    command = error.ctx.command if error.ctx is not None else None
    if command is None or not any(parameter.name == "overrides" for parameter in command.params):
        return error
    key = error.option_name.lstrip("-").replace("-", "_")
    keys = [key] if "." in key else find_keys(key)
    if not keys:
        return error
    value = _value_of(error.option_name, arguments)
    written = " or ".join(f"{key}={value}" for key in keys[:3])
    return click.UsageError(
        f"No such option: {error.option_name}. A recipe's key takes no dashes: {written}", error.ctx
    )


def _value_of(option: str, arguments: Sequence[str]) -> str:
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
        if argument == option and following and not following.startswith("--"):
            return following
    return "VALUE"


recipe_argument = click.argument("recipe", shell_complete=complete_recipe)
recipe_to_train = click.argument("recipe", default=DEFAULT_RECIPE, shell_complete=complete_recipe)
overrides_argument = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
run_option = click.option(
    "--run",
    "path",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Run folder.  [default: runs/NAME of the recipe]",
)
may_change_option = click.option(
    "--may-change",
    multiple=True,
    metavar="KEY",
    help="Key in which the recipe may differ from the recipe that the run was started with; may be repeated.",
)


def scheduling_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the runs of a study go, and how many at a time."""
    processes = click.option(
        "--processes",
        type=click.IntRange(1, 1000),
        metavar="N",
        help="Runs at the same time; changes no number.  [default: as many as processors and memory allow]",
    )
    ray = click.option(
        "--ray",
        metavar="ADDRESS",
        help="Train on the nodes of a Ray cluster: auto, HOST:PORT or ray://HOST:PORT; local starts one on this "
        "machine.  [default: processes of this machine]",
    )
    decorated: Callable[..., Any] = ray(processes(command))
    return decorated
