"""The adversarial step with its gradients written out, layer by layer: the numbers of autograd in less than its time.

`Trainer.adversarial_step` is the definition; `Backprop` follows it and gives the same weights, losses and random draws
(tests/test_backprop.py). It is faster because a small step on a CPU spends much of its time around the matrix products:

- no graph is built, and several times fewer kernels run;
- gradients of weights are written into memory that is kept, instead of megabytes that are fetched and given back each step;
- what the first linear layers would pass on to images or draws, and D's weights in the generator step, get no gradient;
- D(z) of the generator step serves the discriminator step too: the same codes through the same weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from aae.models import AAE
from aae.priors import GaussianPrior

aten = torch.ops.aten

WIDE = 64
"""Least width, in and out, of a linear layer that bfloat16 makes faster; codes and logits keep their precision."""


class Layers:
    """A `nn.Sequential` of linear, batch norm, leaky ReLU, tanh and flatten layers, run forward and back without autograd.

    With `half`, the products of wide linear layers, and the activations between these, are bfloat16; weights, their gradients
    and batch norm's statistics stay as they are. `refresh` must then be called whenever the weights have changed.
    """

    def __init__(self, layers: nn.Sequential, half: bool = False) -> None:
        """Raises `TypeError` for a layer of another kind."""
        self.half: dict[nn.Linear, Rounded] = {}
        for layer in layers:
            if not isinstance(layer, (nn.Linear, nn.BatchNorm1d, nn.LeakyReLU, nn.Tanh, nn.Flatten)):
                raise TypeError(f"no gradient is written out for {type(layer).__name__}")
            if half and isinstance(layer, nn.Linear) and min(layer.weight.shape) >= WIDE:
                self.half[layer] = Rounded(layer)
        self.layers = list(layers)
        self.first = next(index for index, layer in enumerate(self.layers) if isinstance(layer, nn.Linear))

    def refresh(self) -> None:
        """Round the weights anew."""
        for layer, rounded in self.half.items():
            rounded.weight.copy_(layer.weight)
            rounded.bias.copy_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        """Output of x, and of each layer what its gradient needs. Activations are computed in place."""
        saved: list[tuple[Tensor, ...]] = []
        for layer in self.layers:
            match layer:
                case nn.Linear():
                    used = self.half.get(layer, layer)
                    x = x.to(used.weight.dtype)
                    saved.append((x,))
                    x = torch.addmm(used.bias, x, used.weight.t())
                case nn.BatchNorm1d():
                    assert layer.num_batches_tracked is not None
                    assert layer.momentum is not None
                    layer.num_batches_tracked.add_(1)
                    y, mean, inverse_deviation = torch.native_batch_norm(
                        x, layer.weight, layer.bias, layer.running_mean, layer.running_var, True, layer.momentum, layer.eps
                    )
                    saved.append((x, mean, inverse_deviation))
                    x = y
                case nn.LeakyReLU():
                    x = nn.functional.leaky_relu_(x, layer.negative_slope)
                    saved.append((x,))
                case nn.Tanh():
                    x = torch.tanh_(x)
                    saved.append((x,))
                case nn.Flatten():
                    x = x.flatten(1)
                    saved.append(())
        return x, saved

    def backward(
        self, gradient: Tensor, saved: list[tuple[Tensor, ...]], weights: bool = True, add: bool = False, inputs: bool = True
    ) -> Tensor:
        """Gradient of the input from the gradient of the output.

        Args:
            gradient: of the loss in the output.
            saved: what `forward` gave.
            weights: whether to leave the gradients of weights and biases in their `grad`.
            add: add them to what is there, instead of replacing it.
            inputs: whether to go below the first linear layer; if not, what comes back has no meaning.
        """
        for index in range(len(self.layers) - 1, -1, -1):
            layer, kept = self.layers[index], saved[index]
            match layer:
                case nn.Linear():
                    rounded = self.half.get(layer)
                    gradient = gradient.to(kept[0].dtype)
                    if weights:
                        linear_gradients(layer.weight, layer.bias, gradient, kept[0], add, rounded)
                    if inputs or index > self.first:
                        gradient = gradient @ (rounded or layer).weight
                case nn.BatchNorm1d():
                    x, mean, inverse_deviation = kept
                    gradient = gradient.to(x.dtype)
                    gradient, layer.weight.grad, layer.bias.grad = aten.native_batch_norm_backward(
                        gradient, x, layer.weight, None, None, mean, inverse_deviation, True, layer.eps, [True, True, True]
                    )
                case nn.LeakyReLU():
                    gradient = aten.leaky_relu_backward(gradient.to(kept[0].dtype), kept[0], layer.negative_slope, True)
                case nn.Tanh():
                    gradient = aten.tanh_backward(gradient.to(kept[0].dtype), kept[0])
        return gradient


class Rounded:
    """A linear layer's weights in bfloat16, and room for the product that their gradient is."""

    def __init__(self, layer: nn.Linear) -> None:
        self.weight, self.bias = layer.weight.detach().bfloat16(), layer.bias.detach().bfloat16()
        self.gradient = torch.empty_like(self.weight)


def linear_gradients(
    weight: Tensor, bias: Tensor, gradient: Tensor, x: Tensor, add: bool, rounded: Rounded | None = None
) -> None:
    """Of y = x Wᵀ + b: dL/dW = (dL/dy)ᵀ x and dL/db = Σ_n dL/dy_n, into `grad`, whose memory is used again."""
    if weight.grad is None or bias.grad is None:
        weight.grad, bias.grad = torch.empty_like(weight), torch.empty_like(bias)
    if rounded is not None:
        torch.mm(gradient.t(), x, out=rounded.gradient)
        if add:
            weight.grad.add_(rounded.gradient)
            bias.grad.add_(gradient.sum(0, dtype=bias.dtype))
        else:
            weight.grad.copy_(rounded.gradient)
            torch.sum(gradient, 0, dtype=bias.dtype, out=bias.grad)
    elif add:
        weight.grad.addmm_(gradient.t(), x)
        bias.grad.add_(gradient.sum(0))
    else:
        torch.mm(gradient.t(), x, out=weight.grad)
        torch.sum(gradient, 0, out=bias.grad)


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
        h, trunk_saved = self.trunk.forward(flat - encoder.centre)
        h = h.to(flat)  # (N, hidden)
        mean = torch.addmm(encoder.mean.bias, h, encoder.mean.weight.t())  # (N, latent_dim)
        z = mean
        if gaussian:
            log_variance = torch.addmm(encoder.log_variance.bias, h, encoder.log_variance.weight.t())
            epsilon = torch.randn(mean.shape, generator=self.noise, device=mean.device, dtype=mean.dtype)
            deviation = torch.exp(0.5 * log_variance) * epsilon
            z = mean + deviation
        x_rec, decoder_saved = self.decoder.forward(z)  # (N, 1024)
        code_logits, code_saved = self.discriminator.forward(z)  # (N, 1)

        # The losses of aae/losses.py: BCE(D, 1) = log(1 + exp(-logit)), BCE(D, 0) = log(1 + exp(logit)), L1 = |x̂ - x|; means.
        # Their gradients: dBCE(D, y)/dlogit = σ(logit) - y, and d|x̂ - x|/dx̂ = sign(x̂ - x).
        difference = x_rec.to(flat.dtype) - flat  # a difference of two precisions would take four times as long
        reconstruction, adversarial = difference.abs().mean(), softplus(-code_logits).mean()
        gradient = difference.sign_().mul_((1 - weight) / x_rec.numel())
        z_gradient = self.decoder.backward(gradient, decoder_saved)
        code_probability = torch.sigmoid(code_logits)
        gradient = (code_probability - 1).mul_(weight / n)
        z_gradient += self.discriminator.backward(gradient, code_saved, weights=False)
        # z = μ + exp(log σ² / 2) ε: dz/dμ = 1, dz/dlog σ² = exp(log σ² / 2) ε / 2.
        linear_gradients(encoder.mean.weight, encoder.mean.bias, z_gradient, h, add=False)
        h_gradient = z_gradient @ encoder.mean.weight
        if gaussian:
            gradient = (z_gradient * deviation).mul_(0.5)
            linear_gradients(encoder.log_variance.weight, encoder.log_variance.bias, gradient, h, add=False)
            h_gradient.addmm_(gradient, encoder.log_variance.weight)
        self.trunk.backward(h_gradient, trunk_saved, inputs=False)
        self.generator_optimiser.step()

        p = self.prior.sample(n, self.noise)  # (N, latent_dim)
        prior_logits, prior_saved = self.discriminator.forward(p.to(z))
        discrimination = (softplus(-prior_logits).mean() + softplus(code_logits).mean()) / 2
        gradient = (torch.sigmoid(prior_logits) - 1).mul_(0.5 / n)
        self.discriminator.backward(gradient, prior_saved, inputs=False)
        self.discriminator.backward(code_probability.mul_(0.5 / n), code_saved, add=True, inputs=False)
        self.discriminator_optimiser.step()

        accuracy = ((prior_logits > 0).to(x).mean() + (code_logits < 0).to(x).mean()) / 2
        return torch.stack([reconstruction, adversarial, discrimination, accuracy])
