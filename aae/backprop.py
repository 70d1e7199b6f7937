"""The adversarial step with its gradients written out, layer by layer: the numbers of autograd in less than its time.

`Trainer.adversarial_step` is the definition; `Backprop` follows it and gives the same weights, losses and random draws
(tests/test_backprop.py). It is faster because a small step on a CPU spends much of its time around the matrix products:

- no graph is built, and several times fewer kernels run;
- gradients of weights are written into memory that is kept, instead of megabytes that are fetched and given back each step;
- activations lie with features first, `(features, N)`, which is how a product with few images splits best over two cores;
- what the first linear layers would pass on to images or draws, and D's weights in the generator step, get no gradient;
- one pass of D over codes and draws of the prior serves both steps: the same codes through the same weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from aae.models import AAE
from aae.priors import GaussianPrior

aten = torch.ops.aten

Saved = tuple[Tensor, ...]

WIDE = 64
"""Least width, in and out, of a linear layer that bfloat16 makes faster; codes and logits keep their precision."""


class Linear:
    """y = W x + b. With `half`, the product is of bfloat16 numbers; `refresh` rounds the weights anew."""

    def __init__(self, layer: nn.Linear, half: bool = False) -> None:
        self.full_weight, self.full_bias, self.half = layer.weight, layer.bias, half
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
        return torch.mm(self.weight, x).add_(self.bias[:, None]), (x,)

    def backward(self, gradient: Tensor, saved: Saved, weights: bool = True, inputs: bool = True) -> Tensor:
        """dL/dW = dL/dy xᵀ and dL/db = Σ_n dL/dy_n, into `grad`, whose memory is used again; and dL/dx = Wᵀ dL/dy."""
        weight, bias, (x,) = self.full_weight, self.full_bias, saved
        if gradient.dtype != x.dtype:
            gradient = gradient.to(x.dtype)
        if weights:
            if weight.grad is None or bias.grad is None:
                weight.grad, bias.grad = torch.empty_like(weight), torch.empty_like(bias)
            if self.product is None:
                torch.mm(gradient, x.t(), out=weight.grad)
            else:
                weight.grad.copy_(torch.mm(gradient, x.t(), out=self.product))
            torch.sum(gradient, 1, dtype=bias.dtype, out=bias.grad)
        return self.weight.t() @ gradient if inputs else gradient


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

    def backward(self, gradient: Tensor, saved: Saved, weights: bool = True, inputs: bool = True) -> Tensor:
        x, mean, inverse_deviation = saved
        gradient, self.weight.grad, self.bias.grad = aten.native_batch_norm_backward(
            gradient.to(x.dtype)[None], x[None], self.weight, None, None, mean, inverse_deviation, True, self.eps, [True] * 3
        )
        return gradient[0]


class LeakyReLU:
    """In place."""

    def __init__(self, layer: nn.LeakyReLU) -> None:
        self.slope = layer.negative_slope

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        y = torch.nn.functional.leaky_relu_(x, self.slope)
        return y, (y,)

    def backward(self, gradient: Tensor, saved: Saved, weights: bool = True, inputs: bool = True) -> Tensor:
        return aten.leaky_relu_backward(gradient.to(saved[0].dtype), saved[0], self.slope, True)


class Tanh:
    """In place."""

    def forward(self, x: Tensor) -> tuple[Tensor, Saved]:
        y = torch.tanh_(x)
        return y, (y,)

    def backward(self, gradient: Tensor, saved: Saved, weights: bool = True, inputs: bool = True) -> Tensor:
        return aten.tanh_backward(gradient.to(saved[0].dtype), saved[0])


class Layers:
    """A `nn.Sequential` of linear, batch norm, leaky ReLU, tanh and flatten layers, run forward and back without autograd.

    Features come first here: inputs, outputs and gradients are `(features, N)`; images come flat.

    With `half`, the products of wide linear layers, and the activations between these, are bfloat16; weights, their gradients
    and batch norm's statistics stay as they are. `refresh` must then be called whenever the weights have changed.
    """

    def __init__(self, layers: nn.Sequential, half: bool = False) -> None:
        """Raises `TypeError` for a layer of another kind."""
        self.half = False  # whether any product is rounded
        self.layers: list[Linear | BatchNorm | LeakyReLU | Tanh] = []
        for layer in layers:
            match layer:
                case nn.Linear():
                    wide = min(layer.weight.shape) >= WIDE
                    self.layers.append(Linear(layer, half and wide))
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

    def backward(self, gradient: Tensor, saved: list[Saved], weights: bool = True, inputs: bool = True) -> Tensor:
        """Gradient of the input from the gradient of the output.

        Args:
            gradient: of the loss in the output.
            saved: what `forward` gave.
            weights: whether to leave the gradients of weights and biases in their `grad`.
            inputs: whether to go below the first linear layer; if not, what comes back has no meaning.
        """
        for index in range(len(self.layers) - 1, -1, -1):
            gradient = self.layers[index].backward(gradient, saved[index], weights, inputs or index > 0)
        return gradient


class Backprop:
    """`Trainer.adversarial_step` without autograd, for a trainer's model, optimisers, prior and source of noise."""

    def __init__(
        self,
        model: AAE,
        optimisers: tuple[Optimizer, Optimizer],
        prior: GaussianPrior,
        noise: torch.Generator,
        adversarial_weight: float,
        half: bool = False,
    ) -> None:
        """With `half`, the products of encoder and decoder, the bulk of the work, are of bfloat16 numbers."""
        self.model, self.prior, self.noise, self.adversarial_weight = model, prior, noise, adversarial_weight
        self.generator_optimiser, self.discriminator_optimiser = optimisers
        self.trunk, self.decoder = Layers(model.encoder.trunk, half), Layers(model.decoder.layers, half)
        self.discriminator = Layers(model.discriminator.layers, half)
        self.mean, self.log_variance = Linear(model.encoder.mean), Linear(model.encoder.log_variance)

    @torch.no_grad()
    def step(self, x: Tensor) -> Tensor:
        """Update encoder and decoder, then the discriminator, on images x `(N, 1, 32, 32)` in [-1, 1].

        Returns the reconstruction, adversarial and discriminator loss and the discriminator's accuracy, `(4,)`.
        """
        encoder, gaussian, weight = self.model.encoder, self.model.config.posterior == "gaussian", self.adversarial_weight
        n, flat = len(x), x.flatten(1)
        if not self.model.training:
            self.model.train()

        self.trunk.refresh()
        self.decoder.refresh()
        self.discriminator.refresh()
        h, trunk_saved = self.trunk.forward((flat - encoder.centre).t())
        h = h.to(flat)  # (hidden, N)
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
        difference = x_rec.to(flat.dtype) - flat.t()  # a difference of two precisions would take four times as long
        reconstruction = difference.abs().mean()
        code_logits, prior_logits = logits.view(2, n)
        signed = torch.stack([-code_logits, code_logits, -prior_logits])  # (3, N): for E, and twice for D
        adversarial, of_codes, of_prior = softplus(signed).mean(1)
        accuracy = (signed[1:] < 0).to(x).mean()

        gradient = difference.sign_().mul_((1 - weight) / x_rec.numel())
        z_gradient = self.decoder.backward(gradient, decoder_saved)
        code_probability, prior_probability = torch.sigmoid(logits).view(2, n)
        gradient = (code_probability - 1).mul_(weight / n)
        z_gradient += self.discriminator.backward(gradient[None], code_saved, weights=False)
        # z = μ + exp(log σ² / 2) ε: dz/dμ = 1, dz/dlog σ² = exp(log σ² / 2) ε / 2.
        h_gradient = self.mean.backward(z_gradient, mean_saved)
        if gaussian:
            h_gradient += self.log_variance.backward((z_gradient * deviation).mul_(0.5), variance_saved)
        self.trunk.backward(h_gradient, trunk_saved, inputs=False)
        self.generator_optimiser.step()

        gradient = torch.cat([code_probability, prior_probability - 1]).mul_(0.5 / n)
        self.discriminator.backward(gradient[None], discriminator_saved, inputs=False)
        self.discriminator_optimiser.step()
        return torch.stack([reconstruction, adversarial, (of_prior + of_codes) / 2, accuracy])
