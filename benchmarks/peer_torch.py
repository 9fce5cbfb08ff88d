"""The training loop of the PyTorch example on published networks and three more: a peer to compare with.

Needs ``pip install torch==2.13.0``, or another PyTorch for the processor.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

CLASSES = 10
OPTIONS = {"bf16", "channels_last", "compile"}


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


def _networks_64(resize: bool = False) -> tuple[Any, Any, tuple[int, ...], tuple[int, ...]]:
    def up(inputs: int, outputs: int) -> list[nn.Module]:
        if resize:
            return [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)]
        return [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]

    generator = [nn.ConvTranspose2d(100, 512, 4, 1, 0, bias=False), nn.BatchNorm2d(512), nn.ReLU(True)]
    for inputs, outputs in ((512, 256), (256, 128), (128, 64)):
        generator += [*up(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU(True)]
    generator += [*up(64, 3), nn.Tanh()]
    discriminator = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        discriminator += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs)]
        discriminator += [nn.LeakyReLU(0.2, True)]
    discriminator += [nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Flatten()]
    return nn.Sequential(*generator), nn.Sequential(*discriminator), (100, 1, 1), (3, 64, 64)


class _Residual(nn.Module):
    """body(x) + shortcut(x)."""

    def __init__(self, body: list[nn.Module], *shortcut: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = nn.Sequential(*body), nn.Sequential(*shortcut)

    def forward(self, x: Any) -> Any:
        return self.body(x) + self.shortcut(x)


def _networks_residual(width: int = 32) -> tuple[Any, Any, tuple[int, ...], tuple[int, ...]]:
    def conv(inputs: int = width, outputs: int = width, kernel: int = 3) -> nn.Module:
        return nn.Conv2d(inputs, outputs, kernel, padding="same")

    def norm() -> list[nn.Module]:
        return [nn.BatchNorm2d(width), nn.ReLU()]

    generator: list[nn.Module] = [nn.Linear(100, 16 * width), nn.Unflatten(1, (width, 4, 4))]
    for _ in range(3):
        body = [*norm(), nn.Upsample(scale_factor=2), conv(), *norm(), conv()]
        generator.append(_Residual(body, nn.Upsample(scale_factor=2), conv(kernel=1)))
    generator += [*norm(), conv(outputs=3), nn.Tanh()]
    pool = nn.AvgPool2d(2)
    discriminator = [
        _Residual([conv(3), nn.ReLU(), conv(), pool], pool, conv(3, kernel=1)),
        _Residual([nn.ReLU(), conv(), nn.ReLU(), conv(), pool], conv(kernel=1), pool),
        *(_Residual([nn.ReLU(), conv(), nn.ReLU(), conv()]) for _ in range(2)),
        *(nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 1)),
    ]
    return nn.Sequential(*generator), nn.Sequential(*discriminator), (100,), (3, 32, 32)


class _ConditionalNorm(nn.Module):
    """Batch normalization with a scale and a shift for each class."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = nn.Embedding(CLASSES, channels), nn.Embedding(CLASSES, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Any, label: Any) -> Any:
        return self.norm(x) * self.scale(label)[:, :, None, None] + self.shift(label)[:, :, None, None]


class _ConditionalGenerator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(100, 6272, bias=False)
        self.first, self.second = _ConditionalNorm(128), _ConditionalNorm(64)
        self.up = nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False)
        self.out = nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False)

    def forward(self, latent: Any, label: Any) -> Any:
        x = torch.relu(self.first(self.dense(latent).unflatten(1, (128, 7, 7)), label))
        return torch.tanh(self.out(torch.relu(self.second(self.up(x), label))))


class _ConditionalDiscriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(64, 128, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.dense, self.embedding = nn.Linear(128, 1), nn.Embedding(CLASSES, 128)

    def forward(self, x: Any, label: Any) -> Any:
        features = self.features(x).sum((2, 3))
        return self.dense(features) + (self.embedding(label) * features).sum(1, keepdim=True)


def _networks_classes() -> tuple[Any, Any, tuple[int, ...], tuple[int, ...]]:
    return _ConditionalGenerator(), _ConditionalDiscriminator(), (100,), (1, 28, 28)


def _hinge(logits: Any, label: float, role: str) -> Any:
    return -logits.mean() if role == "generator" else torch.relu(1 + (1 - 2 * label) * logits).mean()


def _cross_entropy(logits: Any, label: float, role: str) -> Any:
    return nn.functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


NETWORKS = {
    "28": _networks_28,
    "64": _networks_64,
    "64resize": partial(_networks_64, resize=True),
    "residual32": _networks_residual,
    "classes28": _networks_classes,
}


def prepare(net: str, batch: int, *options: str) -> tuple[Callable[[], None], tuple[int, ...]]:
    """Return a function that takes one step of the example's loop, and the trainable parameters of G and D.

    It runs on the GPU if PyTorch finds one. There, the batch of real images lies in the memory of the GPU.

    Args:
        net: the networks, a key of ``NETWORKS``.
        batch: images per step.
        options: ``bf16``: autocast to bfloat16. ``channels_last``: maps lie in memory with their channels last.
            ``compile``: ``torch.compile`` of both networks, by inductor. On a CPU, it needs a C++ compiler.
    """
    if unknown := set(options) - OPTIONS:
        raise ValueError(f"no such option: {', '.join(sorted(unknown))}")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    bf16 = "bf16" in options
    layout = torch.channels_last if "channels_last" in options else torch.contiguous_format
    torch.set_num_threads(os.cpu_count() or 1)
    generator, discriminator, latent, shape = NETWORKS[net]()
    networks = (generator, discriminator)
    for network in networks:
        network.to(device, memory_format=layout)
        if "compile" in options:
            network.compile()
    images = (torch.rand(batch, *shape, device=device) * 2 - 1).to(memory_format=layout)
    classes = (torch.randint(CLASSES, (batch,), device=device),) if net == "classes28" else ()
    loss_of = _hinge if net in ("residual32", "classes28") else _cross_entropy
    generator_optimizer, discriminator_optimizer = (
        torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999)) for network in networks
    )

    def logits(x: Any) -> Any:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            return discriminator(x, *classes).float()

    def step() -> None:
        discriminator_optimizer.zero_grad()
        loss_of(logits(images), 1.0, "discriminator").backward()
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            fakes = generator(torch.randn(batch, *latent, device=device), *classes)
        loss_of(logits(fakes.detach()), 0.0, "discriminator").backward()
        discriminator_optimizer.step()
        generator_optimizer.zero_grad()
        loss = loss_of(logits(fakes), 1.0, "generator")
        loss.backward()
        generator_optimizer.step()
        loss.item()

    return step, tuple(sum(weight.numel() for weight in network.parameters()) for network in networks)
