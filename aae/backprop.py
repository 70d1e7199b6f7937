"""The adversarial step with its gradients written out, layer by layer: the numbers of autograd in less than its time.

`Trainer.adversarial_step` is the definition; `Backprop` follows it and gives the same weights, losses and random draws
(tests/test_backprop.py). It is faster because a small step on a CPU spends much of its time around the matrix products:

- no graph is built, and several times fewer kernels run;
- a layer's weights are updated as soon as their gradients are known, while both are in the processor's cache; layers with as
  many weights write their gradients into the same memory, one after the other;
- each thread computes with rows of its own of a weight, its gradient and Adam's moments: where two cores have no cache in
  common, a row that one has written is slow to come to the other;
- activations lie with features first, `(features, N)`, which is how a product with few images splits best over two cores;
- what the first linear layers would pass on to images or draws, and D's weights in the generator step, get no gradient;
- one pass of D over codes and draws of the prior serves both steps: the same codes through the same weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam

from aae.models import AAE
from aae.optimisers import update
from aae.priors import GaussianPrior

aten = torch.ops.aten

Saved = tuple[Tensor, ...]

Update = Callable[[list[Tensor], list[Tensor]], None]
"""Is given a layer's parameters and their gradients, which are there until it returns."""

PART = 128
"""Least rows of a weight for each thread: fewer are not worth the division."""

WIDE = 64
"""Least width, in and out, of a linear layer that bfloat16 makes faster; codes and logits keep their precision."""


class Scratch:
    """Memory for one gradient of each size: the next one takes its place, so that it stays in the processor's cache."""

    def __init__(self) -> None:
        self.memory: dict[tuple[int, torch.dtype], Tensor] = {}

    def like(self, tensor: Tensor) -> Tensor:
        """As large as `tensor` and of its type; there until the next call."""
        kind = tensor.numel(), tensor.dtype
        if kind not in self.memory:
            self.memory[kind] = torch.empty_like(tensor)
        return self.memory[kind].view(tensor.shape)


class Linear:
    """y = W x + b. With `half`, the product is of bfloat16 numbers; `refresh` rounds the weights anew."""

    def __init__(self, layer: nn.Linear, scratch: Scratch, half: bool = False) -> None:
        self.full_weight, self.full_bias, self.scratch, self.half = layer.weight, layer.bias, scratch, half
        threads, rows = torch.get_num_threads(), len(layer.weight)
        self.parts = threads if not half and rows % threads == 0 and rows >= threads * PART else 1
        self.weight: Tensor = layer.weight.detach().bfloat16() if half else layer.weight
        self.bias: Tensor = layer.bias.detach().bfloat16() if half else layer.bias
        self.product = torch.empty_like(self.weight) if half else None

    def refresh(self) -> None:
        if self.half:
            self.weight.copy_(self.full_weight)
            self.bias.copy_(self.full_bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        if x.dtype != self.bias.dtype:
            x = x.to(self.bias.dtype)
        if self.parts == 1:
            y = torch.mm(self.weight, x)
        else:
            y = torch.bmm(self.by_part(self.weight), x.expand(self.parts, -1, -1)).view(len(self.weight), -1)
        return y.add_(self.bias[:, None]), (x,)

    def backward(self, gradient: Tensor, saved: Saved, update: Update | None = None, inputs: bool = True) -> Tensor:
        """dL/dx = Wᵀ dL/dy, and for `update` dL/dW = dL/dy xᵀ and dL/db = Σ_n dL/dy_n."""
        (x,) = saved
        if gradient.dtype != x.dtype:
            gradient = gradient.to(x.dtype)
        below = gradient
        if inputs:  # before W changes
            below = self.weight.t() @ gradient if self.parts == 1 else self.below_by_part(gradient)
        if update:
            weight, bias = self.full_weight, self.full_bias
            weight_gradient = self.scratch.like(weight)
            if self.product is not None:
                weight_gradient.copy_(torch.mm(gradient, x.t(), out=self.product))
            elif self.parts == 1:
                torch.mm(gradient, x.t(), out=weight_gradient)
            else:
                xs = x.t().expand(self.parts, -1, -1)
                torch.bmm(self.by_part(gradient), xs, out=self.by_part(weight_gradient))
            update([weight, bias], [weight_gradient, torch.sum(gradient, 1, dtype=bias.dtype)])
        return below

    def by_part(self, rows: Tensor) -> Tensor:
        """`(rows, columns)` as `(parts, rows / parts, columns)`: a batch of products has a thread for each."""
        return rows.view(self.parts, -1, rows.shape[1])

    def below_by_part(self, gradient: Tensor) -> Tensor:
        """Wᵀ dL/dy, a part of the sum from each part of the rows."""
        first, *others = torch.bmm(self.by_part(self.weight).transpose(1, 2), self.by_part(gradient))
        for other in others:
            first = first.add_(other)
        return first


class BatchNorm:
    """Of `(features, N)`, taken as one image of N pixels: the same mean and variance."""

    def __init__(self, layer: nn.BatchNorm1d) -> None:
        self.layer, self.weight, self.bias = layer, layer.weight, layer.bias
        self.eps, self.momentum = layer.eps, layer.momentum or 0.0

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        layer = self.layer  # its buffers can be others tomorrow
        assert layer.num_batches_tracked is not None
        layer.num_batches_tracked.add_(1)
        y, mean, inverse_deviation = torch.native_batch_norm(
            x[None], self.weight, self.bias, layer.running_mean, layer.running_var, True, self.momentum, self.eps
        )
        return y[0], (x, mean, inverse_deviation)

    def backward(self, gradient: Tensor, saved: Saved, update: Update | None = None, inputs: bool = True) -> Tensor:
        x, mean, inverse_deviation = saved
        gradient, *of_parameters = aten.native_batch_norm_backward(
            gradient.to(x.dtype)[None], x[None], self.weight, None, None, mean, inverse_deviation, True, self.eps, [True] * 3
        )
        if update:
            update([self.weight, self.bias], of_parameters)
        return gradient[0]


class LeakyReLU:
    """In place."""

    def __init__(self, layer: nn.LeakyReLU) -> None:
        self.slope = layer.negative_slope

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        y = torch.nn.functional.leaky_relu_(x, self.slope)
        return y, (y,)

    def backward(self, gradient: Tensor, saved: Saved, update: Update | None = None, inputs: bool = True) -> Tensor:
        return aten.leaky_relu_backward(gradient.to(saved[0].dtype), saved[0], self.slope, True)


class Tanh:
    """In place."""

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        y = torch.tanh_(x)
        return y, (y,)

    def backward(self, gradient: Tensor, saved: Saved, update: Update | None = None, inputs: bool = True) -> Tensor:
        return aten.tanh_backward(gradient.to(saved[0].dtype), saved[0])


class Layers:
    """A `nn.Sequential` of linear, batch norm, leaky ReLU, tanh and flatten layers, run forward and back without autograd.

    Features come first here: inputs, outputs and gradients are `(features, N)`; images come flat.

    With `half`, the products of wide linear layers, and the activations between these, are bfloat16; weights, their gradients
    and batch norm's statistics stay as they are. `refresh` must then be called whenever the weights have changed.
    """

    def __init__(self, layers: nn.Sequential, scratch: Scratch, half: bool = False) -> None:
        """Raises `TypeError` for a layer of another kind."""
        self.half = False  # whether any product is rounded
        self.layers: list[Linear | BatchNorm | LeakyReLU | Tanh] = []
        for layer in layers:
            match layer:
                case nn.Linear():
                    wide = min(layer.weight.shape) >= WIDE
                    self.layers.append(Linear(layer, scratch, half and wide))
                    self.half |= half and wide
                case nn.BatchNorm1d():
                    self.layers.append(BatchNorm(layer))
                case nn.LeakyReLU():
                    self.layers.append(LeakyReLU(layer))
                case nn.Tanh():
                    self.layers.append(Tanh())
                case nn.Flatten():
                    pass
                case _:
                    raise TypeError(f"no gradient is written out for {type(layer).__name__}")

    def refresh(self) -> None:
        """Round the weights anew."""
        for layer in self.layers:
            if isinstance(layer, Linear):
                layer.refresh()

    def forward(self, x: Tensor) -> tuple[Tensor, list[Saved]]:
        """Output of x, and of each layer what its gradient needs. Activations are computed in place."""
        saved: list[Saved] = []
        for layer in self.layers:
            x, kept = layer.forward(x)
            saved.append(kept)
        return x, saved

    def backward(self, gradient: Tensor, saved: list[Saved], update: Update | None = None, inputs: bool = True) -> Tensor:
        """Gradient of the input from the gradient of the output.

        Args:
            gradient: of the loss in the output.
            saved: what `forward` gave.
            update: called with each layer's parameters and their gradients once nothing else needs the parameters as they were;
                without it no gradient of theirs is computed.
            inputs: whether to go below the first linear layer; if not, what comes back has no meaning.
        """
        for index in range(len(self.layers) - 1, -1, -1):
            gradient = self.layers[index].backward(gradient, saved[index], update, inputs or index > 0)
        return gradient


class Backprop:
    """`Trainer.adversarial_step` without autograd, for a trainer's model, optimisers, prior and source of noise."""

    def __init__(
        self,
        model: AAE,
        optimisers: tuple[Adam, Adam],
        prior: GaussianPrior,
        noise: torch.Generator,
        adversarial_weight: float,
        half: bool = False,
    ) -> None:
        """With `half`, the products of encoder and decoder, the bulk of the work, are of bfloat16 numbers."""
        self.model, self.prior, self.noise, self.adversarial_weight = model, prior, noise, adversarial_weight
        self.updates: tuple[Update, ...] = tuple(partial(update, optimiser) for optimiser in optimisers)
        scratch = Scratch()
        self.trunk, self.decoder = (Layers(part, scratch, half) for part in (model.encoder.trunk, model.decoder.layers))
        self.discriminator = Layers(model.discriminator.layers, scratch, half)
        self.mean, self.log_variance = (Linear(head, scratch) for head in (model.encoder.mean, model.encoder.log_variance))

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Update encoder and decoder, then the discriminator, on images x `(N, 1, 32, 32)` in [-1, 1].

        Returns the reconstruction, adversarial and discriminator loss and the discriminator's accuracy, `(4,)`.
        """
        encoder, gaussian, weight = self.model.encoder, self.model.config.posterior == "gaussian", self.adversarial_weight
        n, (update_generator, update_discriminator) = len(x), self.updates
        features = x.flatten(1).t().contiguous()  # (1024, N): what is made of two layouts takes ten times as long
        if not self.model.training:
            self.model.train()

        self.trunk.refresh()
        self.decoder.refresh()
        self.discriminator.refresh()
        h, trunk_saved = self.trunk.forward(features - encoder.centre[:, None])
        h = h.to(features)  # (hidden, N)
        mean, mean_saved = self.mean.forward(h)  # (latent_dim, N)
        z = mean
        if gaussian:
            log_variance, variance_saved = self.log_variance.forward(h)
            epsilon = torch.randn((n, len(mean)), generator=self.noise, device=mean.device, dtype=mean.dtype).t()
            deviation = torch.exp(0.5 * log_variance).mul_(epsilon)
            z = mean + deviation
        x_rec, decoder_saved = self.decoder.forward(z)  # (1024, N)
        # D is the same until its own step, so its one pass over codes and draws of the prior serves both phases.
        p = self.prior.sample(n, self.noise).t()  # (latent_dim, N)
        logits, discriminator_saved = self.discriminator.forward(torch.cat([z, p.to(z)], 1))  # (1, 2N)
        code_saved = [tuple(kept[:, :n] for kept in layer) for layer in discriminator_saved]

        # The losses of aae/losses.py: BCE(D, 1) = log(1 + exp(-logit)), BCE(D, 0) = log(1 + exp(logit)), L1 = |x̂ - x|; means.
        # Their gradients: dBCE(D, y)/dlogit = σ(logit) - y, and d|x̂ - x|/dx̂ = sign(x̂ - x).
        difference = x_rec.to(features.dtype) - features  # a difference of two precisions would take four times as long
        reconstruction = difference.abs().mean()
        code_logits, prior_logits = logits.view(2, n)
        signed = torch.stack([-code_logits, code_logits, -prior_logits])  # (3, N): for E, and twice for D
        adversarial, of_codes, of_prior = softplus(signed).mean(1)
        accuracy = (signed[1:] < 0).to(x).mean()

        gradient = difference.sign_().mul_((1 - weight) / x_rec.numel())
        z_gradient = self.decoder.backward(gradient, decoder_saved, update_generator)
        code_probability, prior_probability = torch.sigmoid(logits).view(2, n)
        gradient = (code_probability - 1).mul_(weight / n)
        z_gradient += self.discriminator.backward(gradient[None], code_saved)
        # z = μ + exp(log σ² / 2) ε: dz/dμ = 1, dz/dlog σ² = exp(log σ² / 2) ε / 2.
        h_gradient = self.mean.backward(z_gradient, mean_saved, update_generator)
        if gaussian:
            h_gradient += self.log_variance.backward((z_gradient * deviation).mul_(0.5), variance_saved, update_generator)
        self.trunk.backward(h_gradient, trunk_saved, update_generator, inputs=False)

        gradient = torch.cat([code_probability, prior_probability - 1]).mul_(0.5 / n)
        self.discriminator.backward(gradient[None], discriminator_saved, update_discriminator, inputs=False)
        return torch.stack([reconstruction, adversarial, (of_prior + of_codes) / 2, accuracy])
