"""What the tests of the commands share: the command line in this process, and recipes in files."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from dcgan_kit.cli import cli


@pytest.fixture(scope="session")
def command():
    """Return a function (*arguments, status=0) -> result of the command, run in this process."""

    def command(*arguments, status=0, env=None):
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments], env=env, prog_name="dcgan-kit")
        reported = f"{result.stdout}\n{result.stderr}"
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, reported
        assert "Traceback" not in reported
        return result

    return command
