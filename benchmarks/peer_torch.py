"""The training loop of the PyTorch example on two published networks: a peer to compare with.

Needs ``pip install torch==2.13.0``, or another PyTorch for the processor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def _networks_28() -> tuple[Any, Any, tuple[int, ...], tuple[int, ...]]:
    generator = nn.Sequential(
        nn.Linear(100, 12544, bias=False), nn.BatchNorm1d(12544), nn.LeakyReLU(0.3), nn.Unflatten(1, (256, 7, 7)),
        nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(128, 64, 5, 2, 2, 1, bias=False), nn.BatchNorm2d(64), nn.LeakyReLU(0.3),
        nn.ConvTranspose2d(64, 1, 5, 2, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 64, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3),
        nn.Conv2d(64, 128, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(0.3), nn.Flatten(), nn.Linear(6272, 1),
    )  # fmt: skip
    return generator, discriminator, (100,), (1, 28, 28)


def _networks_64() -> tuple[Any, Any, tuple[int, ...], tuple[int, ...]]:
    generator = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False), nn.BatchNorm2d(512), nn.ReLU(True)]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        generator += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(True)]
    generator += [nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()]
    discriminator = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        discriminator += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs)]
        discriminator += [nn.LeakyReLU(0.2, True)]
    discriminator += [nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Flatten()]
    return nn.Sequential(*generator), nn.Sequential(*discriminator), (100, 1, 1), (3, 64, 64)


def prepare(net: str, batch: int, bf16: bool) -> Callable[[], None]:
    """Return a function that takes one step of the example's loop; ``net`` is 28 or 64.

    Args:
        net: the networks, 28 or 64.
        batch: images per step.
        bf16: autocast to bfloat16; together with channels_last this is the fastest form of the loop on a CPU.
    """
    torch.set_num_threads(os.cpu_count() or 1)
    generator, discriminator, latent, shape = _networks_28() if net == "28" else _networks_64()
    for network in (generator, discriminator):
        network.to(memory_format=torch.channels_last)
    images = (torch.rand(batch, *shape) * 2 - 1).to(memory_format=torch.channels_last)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), 2e-4, (0.5, 0.999))
    generator_optimizer = torch.optim.Adam(generator.parameters(), 2e-4, (0.5, 0.999))
    cross_entropy, ones, zeros = nn.BCEWithLogitsLoss(), torch.ones(batch, 1), torch.zeros(batch, 1)

    def logits(x: Any) -> Any:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return discriminator(x).float()

    def step() -> None:
        discriminator_optimizer.zero_grad()
        cross_entropy(logits(images), ones).backward()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            fakes = generator(torch.randn(batch, *latent))
        cross_entropy(logits(fakes.detach()), zeros).backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss = cross_entropy(logits(fakes), ones)
        loss.backward()
        generator_optimizer.step()
        loss.item()

    return step
