"""``python -m dcgan_kit`` is ``dcgan-kit``."""

from dcgan_kit.cli import main

main()
