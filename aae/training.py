"""Training an AAE: one adversarial step, and the loop around it that tells what happens as events.

The algorithm is Algorithm 1 of Goodfellow et al. (2014) on codes instead of images (Makhzani et al., 2015, section 2), in the
order of the reference implementation: a generator step (encoder and decoder), then a discriminator step on the same batch.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Iterator
from dataclasses import asdict, replace

import torch
from torch import Tensor
from torch.optim import Adam

from aae import losses, objectives
from aae.backprop import Backprop
from aae.checkpoints import Checkpoint, Record
from aae.config import ModelConfig, TrainConfig
from aae.data import ImageData, mean_image, to_model_range
from aae.devices import describe, fast_bfloat16, pick_device
from aae.errors import TrainingError
from aae.events import EpochEnd, Event, Losses, Progress, Recent, divergence
from aae.latent import encode_means
from aae.models import AAE, initialise
from aae.priors import GaussianPrior
from aae.resuming import restore
from aae.standardise import ENOUGH, standardise

__all__ = ["EpochEnd", "Event", "Losses", "Progress", "Trainer", "pick_device", "train"]

REPORT_SECONDS = 0.4
"""Longest time between two events: the page closes a run only at one, and promises to draw twice a second."""

WARMUP_STEPS, WARMUP_SHARE = 200, 0.05
"""How many steps the schedule "warmup" rises for, and at most which share of all."""


class Trainer:
    """A model in training: its optimisers, its random state and its place in the run.

    The same seed gives the same initial weights, order of images and noise. `device` is where everything lives.

    Raises:
        TrainingError: the data cannot be batched, or `resume` carries no training state, or another model's.
        ConfigError: the objective asks for another posterior.
    """

    def __init__(
        self,
        data: ImageData,
        model_config: ModelConfig,
        config: TrainConfig,
        device: torch.device | None = None,
        resume: Checkpoint | None = None,
    ) -> None:
        if len(data) < 2:
            raise TrainingError("Training needs at least two images; choose a larger data set.")
        objectives.check(config.objective, model_config)
        self.data, self.config = data, config
        self.device = device or torch.device("cpu")
        self.images = data.images.to(self.device)  # uint8: a batch is scaled in the step
        self.model = AAE(model_config)
        initialise(self.model, torch.Generator().manual_seed(config.seed))
        if config.inputs == "centred" and resume is None:  # a checkpoint brings its own
            self.model.encoder.centre.copy_(mean_image(data.images).flatten())
        self.model.to(self.device)
        self.prior = GaussianPrior(model_config.latent_dim)
        self.noise = torch.Generator(self.device).manual_seed(config.seed)
        # A deterministic posterior has no use for its variance, so no gradient would reach that layer.
        encoder, gaussian = self.model.encoder, model_config.posterior == "gaussian"
        trained = [encoder.trunk, encoder.mean, *[encoder.log_variance] * gaussian, self.model.decoder]
        self.generator_parameters = [parameter for module in trained for parameter in module.parameters()]
        betas, fused = (config.beta1, config.beta2), self.device.type in ("cuda", "cpu", "mps")
        self.generator_optimiser = Adam(self.generator_parameters, config.learning_rate, betas, fused=fused)
        self.discriminator_optimiser = Adam(
            self.model.discriminator.parameters(), config.discriminator_learning_rate, betas, fused=fused
        )
        optimisers = (self.generator_optimiser, self.discriminator_optimiser)
        half = config.precision == "auto" and fast_bfloat16()
        self.backprop = Backprop(self.model, optimisers, self.prior, self.noise, config.adversarial_weight, half)
        self.step_count = 0
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []
        self.notice = ""  # one sentence on what did not go on exactly
        self._order = torch.empty(0, dtype=torch.int64)
        self._order_epoch = -1
        self._sums = torch.zeros(4, device=self.device)
        if resume is not None:
            restore(self, resume)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; a last batch of one image is left out, since batch norm needs two."""
        full, rest = divmod(len(self.data), self.config.batch_size)
        return max(full + (rest >= 2), 1)

    @property
    def total_steps(self) -> int:
        return self.steps_per_epoch * self.config.epochs

    @property
    def epoch(self) -> float:
        return self.step_count / self.steps_per_epoch

    def next_batch(self) -> Tensor:
        """The images of the next step, float32 `(batch_size, 1, 32, 32)` in [-1, 1], in an order drawn for each epoch."""
        epoch, place = divmod(self.step_count, self.steps_per_epoch)
        if epoch != self._order_epoch:
            # From the seed and the epoch alone: a run resumed within an epoch sees the images that are left.
            generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch)
            self._order = torch.randperm(len(self.data), generator=generator).to(self.device)
            self._order_epoch = epoch
        chosen = self._order[place * self.config.batch_size : (place + 1) * self.config.batch_size]
        return to_model_range(self.images.index_select(0, chosen))  # a third of the time of images[chosen]

    def step(self) -> None:
        """One adversarial step on the next batch. Nothing here waits for the device."""
        if self.config.schedule != "constant":
            share = 1 - self.step_count / self.total_steps
            if self.config.schedule == "warmup":
                share *= min(1.0, (self.step_count + 1) / min(WARMUP_STEPS, WARMUP_SHARE * self.total_steps))
            self.generator_optimiser.param_groups[0]["lr"] = self.config.learning_rate * share
            self.discriminator_optimiser.param_groups[0]["lr"] = self.config.discriminator_learning_rate * share
        self._sums += self.update(self.next_batch())
        self.step_count += 1
        if self.config.finish == "standardise" and self.step_count == self.total_steps:
            standardise(self.model, self.images[self._order[:ENOUGH]])

    def update(self, x: Tensor) -> Tensor:
        """What the objective asks for on images x `(N, 1, 32, 32)` in [-1, 1]; four losses, as `adversarial_step` gives them.

        On a CPU the adversarial step runs with its gradients written out (aae/backprop.py): the same numbers, sooner.
        """
        if self.config.objective != "aae":
            return objectives.step(self.config.objective, self.model, self.generator_optimiser, x, self.noise)
        return self.backprop.step(x) if self.device.type == "cpu" else self.adversarial_step(x)

    def adversarial_step(self, x: Tensor) -> Tensor:
        """Update encoder and decoder, then the discriminator, on images x `(N, 1, 32, 32)` in [-1, 1].

        Returns the reconstruction, adversarial and discriminator loss and the discriminator's accuracy, `(4,)`.
        """
        model = self.model
        model.train()

        # Generator step. D is frozen, so that no gradient of this step is left behind in it.
        model.discriminator.requires_grad_(False)
        z = model.encode(x, generator=self.noise)  # (N, latent_dim)
        loss, reconstruction, adversarial = losses.generator_loss(
            model.decode(z), x, model.discriminate(z), self.config.adversarial_weight
        )
        self.generator_optimiser.zero_grad()
        loss.backward()
        self.generator_optimiser.step()

        # Discriminator step: draws of the prior against the same codes. One pass for both: D has no batch norm.
        model.discriminator.requires_grad_(True)
        p = self.prior.sample(len(x), self.noise)  # (N, latent_dim)
        prior_logits, code_logits = model.discriminate(torch.cat([p, z.detach()])).chunk(2)  # (N,), (N,)
        discrimination = losses.discriminator_loss(prior_logits, code_logits)
        self.discriminator_optimiser.zero_grad()
        discrimination.backward()
        self.discriminator_optimiser.step()

        accuracy = ((prior_logits > 0).float().mean() + (code_logits < 0).float().mean()) / 2
        return torch.stack([reconstruction, adversarial, discrimination, accuracy]).detach()

    def take_sums(self) -> Tensor:
        """Sums of what `adversarial_step` returned since the last call, `(4,)` on the CPU; waits for the device."""
        sums, self._sums = self._sums.cpu(), torch.zeros_like(self._sums)
        return sums

    def finite(self) -> bool:
        """Whether all weights are finite numbers; waits for the device."""
        return bool(torch.stack([parameter.detach().sum() for parameter in self.model.parameters()]).isfinite().all())

    def rewind(self, weights: dict[str, Tensor]) -> None:
        """Take these weights and buffers, and forget the optimisers' moments: they may have diverged with the run."""
        self.model.load_state_dict(weights)
        for optimiser in self.optimisers().values():
            optimiser.state.clear()

    def checkpoint(self, metrics: dict[str, float] | None = None) -> Checkpoint:
        """A copy of the run as it stands, on the CPU, ready to save, show or resume."""
        record = Record(
            dataset=self.data.dataset,
            class_names=list(self.data.class_names),
            epochs=self.epoch,
            wall_clock_seconds=round(self.seconds, 1),
            device=describe(self.device),
            versions={"python": platform.python_version(), "torch": str(torch.__version__)},
            metrics=metrics or {},
            history=list(self.history),
        )
        training: dict[str, Tensor] = {
            "noise": self.noise.get_state(),
            "step": torch.tensor(self.step_count),
            "images": torch.tensor(len(self.data)),
        }
        for name, optimiser in self.optimisers().items():
            for index, state in optimiser.state_dict()["state"].items():
                training |= {f"{name}.{index}.{key}": value.detach().cpu().clone() for key, value in state.items()}
        weights = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}
        return Checkpoint(
            model_config=self.model.config, weights=weights, train_config=self.config, record=record, training=training
        )

    def optimisers(self) -> dict[str, Adam]:
        """Those that the objective uses, by the name that their state has in a checkpoint."""
        discriminator = {"discriminator": self.discriminator_optimiser} if self.config.objective == "aae" else {}
        return {"generator": self.generator_optimiser, **discriminator}


def train(trainer: Trainer, probe: Tensor | None = None, report_seconds: float = REPORT_SECONDS) -> Iterator[Event]:
    """Run a trainer to the end of its configured epochs, and tell what happens.

    Args:
        trainer: where to start; holds the model, and can be asked for a checkpoint at any event.
        probe: uint8 images `(n, 1, 32, 32)` to encode for every `Progress`; none if None.
        report_seconds: longest time between events.

    Yields:
        `Progress` at least every `report_seconds` and after each epoch's last step, then its `EpochEnd`. Closing the
        iterator stops the run at once; the trainer then stands where it stopped.

    Raises:
        TrainingError: the run diverged; the trainer is back at its last good weights, with fresh optimisers.
    """
    probe_x = None if probe is None else to_model_range(probe.to(trainer.device))
    epoch_sums, epoch_steps, epoch_started = torch.zeros(4), 0, time.perf_counter()
    reported, reported_step = time.perf_counter(), trainer.step_count
    last_good = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    recent, least = Recent(), math.inf  # least mean reconstruction loss reported so far
    while trainer.step_count < trainer.total_steps:
        trainer.step()
        ends_epoch = trainer.step_count % trainer.steps_per_epoch == 0
        now = time.perf_counter()
        if not ends_epoch and now - reported < report_seconds:
            continue
        sums = trainer.take_sums()
        steps, now = trainer.step_count - reported_step, time.perf_counter()
        means = Losses(*(sums / steps).tolist())
        judged = recent.add(sums, steps)
        advice = divergence(judged if trainer.finite() else replace(judged, reconstruction=math.nan), trainer.config, least)
        if advice:
            trainer.rewind(last_good)
            raise TrainingError(advice)
        least = min(least, means.reconstruction)
        for name, tensor in trainer.model.state_dict().items():
            last_good[name].copy_(tensor)
        trainer.seconds += now - reported
        rate = steps / (now - reported)
        reported, reported_step = now, trainer.step_count
        epoch_sums, epoch_steps = epoch_sums + sums, epoch_steps + steps
        ended: EpochEnd | None = None
        if ends_epoch:  # noted before anything is yielded: the run may be closed there
            epoch_mean = Losses(*(epoch_sums / epoch_steps).tolist())
            ended = EpochEnd(trainer.step_count // trainer.steps_per_epoch, epoch_mean, now - epoch_started)
            trainer.history.append({"epoch": ended.epoch, **asdict(epoch_mean), "seconds": round(ended.seconds, 3)})
            epoch_sums, epoch_steps, epoch_started = torch.zeros(4), 0, time.perf_counter()
        yield Progress(
            step=trainer.step_count,
            total_steps=trainer.total_steps,
            epoch=trainer.epoch,
            epochs=trainer.config.epochs,
            images_per_second=rate * trainer.config.batch_size,
            eta_seconds=(trainer.total_steps - trainer.step_count) / rate,
            losses=means,
            codes=None if probe_x is None else encode_means(trainer.model, probe_x),
        )
        if ended:
            yield ended
