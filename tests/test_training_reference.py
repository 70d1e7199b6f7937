"""The trainer follows an independent, plainly written adversarial autoencoder step by step.

The reference below is the published recipe as PyTorch-GAN writes it: a sigmoid at the end of the discriminator, BCELoss,
L1Loss and two plain Adams. It shares nothing with the package but the initial weights, the images and the noise.

Both run in float64 for 50 steps, where they must agree to far less than float32 can tell. In float32 two correct programs
drift apart: the biases before a batch norm have gradient zero but for rounding, which Adam scales up to full steps. There
the first step is compared, and the losses of all 50.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from aae.config import ModelConfig, TrainConfig
from aae.data import to_model_range
from aae.training import Trainer

STEPS = 50
BRIEFLY = 5
SEED = 3


class Reference:
    """Three networks and one adversarial step, written without the package."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.trunk = nn.Sequential(
            nn.Linear(1024, 512), nn.LeakyReLU(0.2), nn.Linear(512, 512), nn.BatchNorm1d(512), nn.LeakyReLU(0.2)
        )
        self.mu = nn.Linear(512, 10)
        self.logvar = nn.Linear(512, 10)
        self.decoder = nn.Sequential(
            *(nn.Linear(10, 512), nn.LeakyReLU(0.2), nn.Linear(512, 512), nn.BatchNorm1d(512), nn.LeakyReLU(0.2)),
            *(nn.Linear(512, 1024), nn.Tanh()),
        )
        self.discriminator = nn.Sequential(
            *(nn.Linear(10, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1), nn.Sigmoid())
        )
        for net in self.networks():
            net.to(dtype)
        self.optimizer_g = torch.optim.Adam(
            [p for net in (self.trunk, self.mu, self.logvar, self.decoder) for p in net.parameters()],
            lr=0.0002,
            betas=(0.5, 0.999),
            foreach=False,
            fused=False,
        )
        self.optimizer_d = torch.optim.Adam(
            self.discriminator.parameters(), lr=0.0002, betas=(0.5, 0.999), foreach=False, fused=False
        )
        self.noise = torch.Generator().manual_seed(SEED)

    def networks(self) -> list[nn.Module]:
        return [self.trunk, self.mu, self.logvar, self.decoder, self.discriminator]

    def step(self, images: torch.Tensor) -> list[float]:
        """Generator step, then discriminator step, on the same images; the three losses."""
        bce, l1 = nn.BCELoss(), nn.L1Loss()
        valid = torch.ones(len(images), 1, dtype=self.dtype)
        fake = torch.zeros(len(images), 1, dtype=self.dtype)
        x = images.view(-1, 1024)

        self.optimizer_g.zero_grad()
        h = self.trunk(x)
        mu, logvar = self.mu(h), self.logvar(h)
        eps = torch.randn(len(images), 10, generator=self.noise, dtype=self.dtype)
        z = mu + torch.exp(logvar / 2) * eps
        reconstruction = l1(self.decoder(z), x)
        adversarial = bce(self.discriminator(z), valid)
        (0.001 * adversarial + 0.999 * reconstruction).backward()
        self.optimizer_g.step()

        self.optimizer_d.zero_grad()
        p = torch.randn(len(images), 10, generator=self.noise).to(self.dtype)
        loss_d = 0.5 * (bce(self.discriminator(p), valid) + bce(self.discriminator(z.detach()), fake))
        loss_d.backward()
        self.optimizer_d.step()
        return [reconstruction.item(), adversarial.item(), loss_d.item()]


@dataclass
class Run:
    """What one of the two did."""

    losses: torch.Tensor
    """`(steps, 3)`: reconstruction, adversarial, discriminator."""
    tensors: list[torch.Tensor]
    """All weights, biases and batch norm statistics at the end, network by network."""


def networks_of(trainer: Trainer) -> list[nn.Module]:
    model = trainer.model
    return [model.encoder.trunk, model.encoder.mean, model.encoder.log_variance, model.decoder, model.discriminator]


def tensors_of(networks: list[nn.Module]) -> list[torch.Tensor]:
    return [tensor.clone() for network in networks for tensor in network.state_dict().values()]


def new_trainer(data, dtype, **settings) -> Trainer:
    published = {"learning_rate": 2e-4, "discriminator_learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999}
    config = {"batch_size": 64, "adversarial_weight": 0.001, "epochs": 1, "seed": SEED, "dataset": "digits-sample"}
    trainer = Trainer(data, ModelConfig(), TrainConfig(**{**published, **config, **settings}))
    trainer.model.to(dtype)
    return trainer


def run_trainer(data, batches, dtype, by_autograd=False, **settings) -> Run:
    trainer = new_trainer(data, dtype, **settings)
    step = trainer.adversarial_step if by_autograd else trainer.update
    losses = [step(to_model_range(batch).to(dtype))[:3] for batch in batches]
    return Run(torch.stack(losses), tensors_of(networks_of(trainer)))


def run_reference(data, batches, dtype) -> Run:
    plain = Reference(dtype)
    own = [tensor for network in plain.networks() for tensor in network.state_dict().values()]
    for tensor, initial in zip(own, tensors_of(networks_of(new_trainer(data, dtype))), strict=True):
        tensor.copy_(initial)
    losses = [plain.step(to_model_range(batch).to(dtype)) for batch in batches]
    return Run(torch.tensor(losses, dtype=dtype), tensors_of(plain.networks()))


def largest_differences(one: Run, other: Run) -> tuple[float, float]:
    """Of a loss, and of an entry of a weight or statistic."""
    weights = max((a - b).abs().max().item() for a, b in zip(one.tensors, other.tensors, strict=True))
    return (one.losses - other.losses).abs().max().item(), weights


@pytest.fixture(scope="module")
def batches(take):
    return take(64 * STEPS).images.split(64)


@pytest.fixture(scope="module")
def brief_reference(train_data, batches) -> Run:
    return run_reference(train_data, batches[:BRIEFLY], torch.float64)


def test_losses_and_weights_follow_the_published_recipe_for_50_steps(train_data, batches):
    trained = run_trainer(train_data, batches, torch.float64)
    losses, weights = largest_differences(trained, run_reference(train_data, batches, torch.float64))
    assert losses < 1e-7
    assert weights < 1e-7
    assert trained.losses[-1, 0] < 0.7 * trained.losses[0, 0]  # and it is learning


def test_in_float32_the_first_step_and_all_losses_follow_it_within_rounding(train_data, batches):
    first = [run(train_data, batches[:1], torch.float32) for run in (run_trainer, run_reference)]
    losses, weights = largest_differences(*first)
    assert losses < 1e-6
    assert weights < 5e-5  # a quarter of Adam's first step, which makes as much of a gradient that is mere rounding
    trained, reference = (run(train_data, batches, torch.float32) for run in (run_trainer, run_reference))
    torch.testing.assert_close(trained.losses, reference.losses, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(
    "change",
    [
        {"adversarial_weight": 0.002},
        {"beta1": 0.9},
        {"beta2": 0.99},
        {"learning_rate": 2.01e-4},
        {"discriminator_learning_rate": 2.01e-4},
        {"seed": SEED + 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_comparison_notices_a_small_departure(change, train_data, batches, brief_reference):
    losses, weights = largest_differences(run_trainer(train_data, batches[:BRIEFLY], torch.float64, **change), brief_reference)
    assert losses > 1e-5
    assert weights > 1e-5
