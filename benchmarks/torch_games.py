"""The networks of lessons 02, 06 and 11 and their update, as one would write them in PyTorch.

PyTorch pads by 2 at the start, Keras by 1 at the start and 2 at the end. Each network is the mirror
image of the lesson's: the same arithmetic, without an extra padding layer.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

LATENT_DIM, NUM_CLASSES, EMBEDDING_DIM = 100, 10, 50
L1_WEIGHT = 100.0


class FromRows(nn.Module):
    """Rows (n, h * w * c) as images that lie in memory channels last, without a copy."""

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return (n, c, 7, 7)."""
        return rows.unflatten(1, (7, 7, -1)).permute(0, 3, 1, 2)


class ToRows(nn.Module):
    """The opposite of `FromRows`."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, h * w * c)."""
        return images.permute(0, 2, 3, 1).flatten(1)


def norm(channels: int, kind: type = nn.BatchNorm2d, **options: Any) -> nn.Module:
    """Return batch normalization with Keras' numbers."""
    return kind(channels, eps=1e-3, momentum=0.01, **options)


def upward(inside: int, outside: int, stride: int, bias: bool = False) -> nn.Module:
    """Return a transposed 5x5 convolution that multiplies height and width by its stride."""
    return nn.ConvTranspose2d(
        inside, outside, 5, stride, padding=2, output_padding=stride - 1, bias=bias
    )


def dcgan() -> tuple[nn.Module, nn.Module]:
    """Return the networks of lesson 02."""
    generator = nn.Sequential(
        nn.Linear(LATENT_DIM, 7 * 7 * 256, bias=False),
        norm(7 * 7 * 256, nn.BatchNorm1d),
        nn.LeakyReLU(0.3),
        FromRows(),
        *(upward(256, 128, 1), norm(128), nn.LeakyReLU(0.3)),
        *(upward(128, 64, 2), norm(64), nn.LeakyReLU(0.3)),
        *(upward(64, 1, 2), nn.Tanh()),
    )
    discriminator = nn.Sequential(
        *(nn.Conv2d(1, 64, 5, 2, padding=2), nn.LeakyReLU(0.3), nn.Dropout(0.3)),
        *(nn.Conv2d(64, 128, 5, 2, padding=2), nn.LeakyReLU(0.3), nn.Dropout(0.3)),
        *(ToRows(), nn.Linear(7 * 7 * 128, 1)),
    )
    return generator, discriminator


class LabeledGenerator(nn.Module):
    """The generator of lesson 06."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        self.embedding = nn.Embedding(NUM_CLASSES, EMBEDDING_DIM)
        self.noise = nn.Sequential(nn.Linear(LATENT_DIM, 7 * 7 * 384), nn.ReLU(), FromRows())
        self.label_map = nn.Sequential(nn.Linear(EMBEDDING_DIM, 7 * 7), FromRows())
        self.up = nn.Sequential(
            *(upward(385, 192, 2, bias=True), norm(192), nn.ReLU()),
            *(upward(192, 1, 2, bias=True), nn.Tanh()),
        )

    def forward(self, latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return images (n, 1, 28, 28)."""
        parts = self.noise(latents), self.label_map(self.embedding(labels))
        return self.up(torch.cat(parts, 1))


class NamingDiscriminator(nn.Module):
    """The discriminator of lesson 06."""

    def __init__(self) -> None:
        """Make the layers."""
        super().__init__()
        blocks, inside = [], 1
        for index, channels in enumerate((32, 64, 128, 256)):
            blocks += [nn.Conv2d(inside, channels, 3, 2 - index % 2, padding=1)]
            blocks += [norm(channels)] if index else []
            blocks += [nn.LeakyReLU(0.2), nn.Dropout(0.5)]
            inside = channels
        self.trunk = nn.Sequential(*blocks, ToRows())
        self.source = nn.Linear(7 * 7 * 256, 1)
        self.named = nn.Linear(7 * 7 * 256, NUM_CLASSES)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both heads' logits."""
        features = self.trunk(images)
        return self.source(features), self.named(features)


class UNet(nn.Module):
    """The generator of lesson 11, whose batch normalization uses batch statistics."""

    def __init__(self, size: int, filters: int) -> None:
        """Make the layers."""
        super().__init__()
        self.down = nn.ModuleList()
        widths = [filters * min(2**level, 8) for level in range(size.bit_length() - 2)]
        inside = 3
        for level, width in enumerate(widths):
            middle = [norm(width, track_running_stats=False)] if level else []
            block = [nn.Conv2d(inside, width, 4, 2, padding=1), *middle, nn.LeakyReLU(0.2)]
            self.down.append(nn.Sequential(*block))
            inside = width
        self.bottleneck = nn.Sequential(nn.Conv2d(inside, 8 * filters, 4, 2, padding=1), nn.ReLU())
        self.up = nn.ModuleList()
        inside = 8 * filters
        for level, width in enumerate(reversed(widths)):
            block = [nn.ConvTranspose2d(inside, width, 4, 2, padding=1)]
            block += [norm(width, track_running_stats=False)]
            self.up.append(nn.Sequential(*block, *([nn.Dropout(0.5)] if level < 3 else [])))
            inside = 2 * width
        self.last = nn.Sequential(nn.ConvTranspose2d(inside, 3, 4, 2, padding=1), nn.Tanh())

    def forward(self, source: torch.Tensor) -> torch.Tensor:
        """Return images (n, 3, size, size)."""
        features, twins = source, []
        for block in self.down:
            features = block(features)
            twins.append(features)
        features = self.bottleneck(features)
        for block, twin in zip(self.up, reversed(twins), strict=True):
            features = torch.relu(torch.cat([block(features), twin], 1))
        return self.last(features)


def patch_gan(filters: int) -> nn.Module:
    """Return the discriminator of lesson 11, of the kind "tutorial"."""
    blocks, inside = [], 6
    for level, multiple in enumerate((1, 2, 4, 8, 8, 0)):
        width = filters * multiple or 1
        if level < 4:
            blocks += [nn.Conv2d(inside, width, 4, 2, padding=1)]
        else:
            blocks += [nn.ZeroPad2d((2, 1, 2, 1)), nn.Conv2d(inside, width, 4)]
        blocks += [norm(width)] if level and multiple else []
        blocks += [nn.LeakyReLU(0.2)] if multiple else []
        inside = width
    return nn.Sequential(*blocks)


def score(logits: torch.Tensor, real: bool) -> torch.Tensor:
    """Return the binary cross-entropy of logits with the target 1 (real) or 0 (fake)."""
    logits = logits.float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, real))


class DCGAN:
    """Lesson 02's networks, the inputs of both, and their losses, on one batch."""

    def __init__(self, count: int) -> None:
        """Make networks and batch."""
        self.count = count
        self.generator, self.discriminator = dcgan()
        self.real = torch.rand(count, 1, 28, 28) * 2 - 1

    def draw(self) -> tuple[torch.Tensor, ...]:
        """Return the generator's inputs."""
        return (torch.randn(self.count, LATENT_DIM),)

    def seen(self, images: torch.Tensor) -> torch.Tensor:
        """Return the discriminator's inputs."""
        return images

    def d_loss(self, real: Any, fake: Any) -> torch.Tensor:
        """Return the discriminator's loss."""
        return score(real, True) + score(fake, False)

    def g_loss(self, fake: Any, images: torch.Tensor) -> torch.Tensor:
        """Return the generator's loss."""
        return score(fake, True)


class ACGAN(DCGAN):
    """The same for lesson 06."""

    def __init__(self, count: int) -> None:
        """Make networks and batch."""
        super().__init__(count)
        self.generator, self.discriminator = LabeledGenerator(), NamingDiscriminator()
        self.labels = torch.arange(count) % NUM_CLASSES

    def draw(self) -> tuple[torch.Tensor, ...]:
        """Return latents and labels."""
        return (*super().draw(), self.labels)

    def d_loss(self, real: Any, fake: Any) -> torch.Tensor:
        """Return the loss of both heads."""
        named = [functional.cross_entropy(both[1].float(), self.labels) for both in (real, fake)]
        return super().d_loss(real[0], fake[0]) + sum(named)

    def g_loss(self, fake: Any, images: torch.Tensor) -> torch.Tensor:
        """Return the loss through both heads."""
        named = functional.cross_entropy(fake[1].float(), self.labels)
        return super().g_loss(fake[0], images) + named


class Pix2Pix(DCGAN):
    """The same for lesson 11, in the tutorial's size."""

    def __init__(self, count: int, size: int = 256, filters: int = 64) -> None:
        """Make networks and batch."""
        super().__init__(count)
        self.generator, self.discriminator = UNet(size, filters), patch_gan(filters)
        self.source, self.real = torch.rand(2, count, 3, size, size) * 2 - 1

    def draw(self) -> tuple[torch.Tensor, ...]:
        """Return the source images."""
        return (self.source,)

    def seen(self, images: torch.Tensor) -> torch.Tensor:
        """Return source and target, concatenated along the channels."""
        return torch.cat([self.source, images], 1)

    def d_loss(self, real: Any, fake: Any) -> torch.Tensor:
        """Return half of the discriminator's loss, as in the paper."""
        return super().d_loss(real, fake) / 2

    def g_loss(self, fake: Any, images: torch.Tensor) -> torch.Tensor:
        """Return the loss with its L1 term."""
        return super().g_loss(fake, images) + L1_WEIGHT * (self.real - images).abs().mean()


GAMES = {"02": DCGAN, "06": ACGAN, "11": Pix2Pix}


def make_step(
    game: DCGAN, *, half: bool = False, compiled: bool = False, channels_last: bool = True
) -> Callable[[], None]:
    """Return a function that takes one step: D on real and fake images, then G.

    Args:
        game: Networks, batch and losses.
        half: Whether to compute in bfloat16 where `torch.autocast` does.
        compiled: Whether to compile both networks with `torch.compile`.
        channels_last: Whether images and kernels lie in memory channels last.
    """
    networks = game.generator, game.discriminator
    if channels_last:
        for network in networks:
            network.to(memory_format=torch.channels_last)
        game.real = game.real.to(memory_format=torch.channels_last)
    optimizers = [
        torch.optim.Adam(n.parameters(), 2e-4, betas=(0.5, 0.999), eps=1e-7, fused=True)
        for n in networks
    ]
    generator, discriminator = map(torch.compile, networks) if compiled else networks

    def move(player: int, loss: torch.Tensor) -> float:
        weights = list(networks[player].parameters())
        # `backward` would compute the gradient of the other player's weights too.
        for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            weight.grad = gradient
        optimizers[player].step()
        return loss.item()

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            inputs = game.draw()
            fakes = generator(*inputs)
            real = discriminator(game.seen(game.real))
            d_loss = game.d_loss(real, discriminator(game.seen(fakes.detach())))
        move(1, d_loss)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            g_loss = game.g_loss(discriminator(game.seen(fakes)), fakes)
        move(0, g_loss)

    return step
