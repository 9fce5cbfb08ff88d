"""The command ``completion``: a script with which a shell completes commands, options and recipes."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    \b
    bash:  dcgan-kit completion bash >> ~/.bashrc
    zsh:   dcgan-kit completion zsh >> ~/.zshrc
    fish:  dcgan-kit completion fish > ~/.config/fish/completions/dcgan-kit.fish
    """  # noqa: D301 - click looks for the character itself, not for its name
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "dcgan-kit", "_DCGAN_KIT_COMPLETE").source())
