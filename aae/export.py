"""What the browser computes with, as small files: networks (`ui/assets/network.js` reads them) and codes (`codes.js`)."""

from __future__ import annotations

import json
import struct

import torch
from torch import Tensor, nn

from aae.models import AAE


def decoder_file(model: AAE) -> bytes:
    """The decoder's layers with batch norm folded in, as float16: 1.6 MB for the reference model.

    Layout, little-endian: uint32 length of the header; the header, JSON padded with spaces to an even end,
    ``{"latent_dim": n, "layers": [{"inputs", "outputs", "activation"}]}``; then for each layer its weights
    (outputs x inputs, row-major) and biases as float16. Rounding them moves a pixel by far less than a grey level.
    """
    return _network_file(folded_layers(model.decoder.layers), model.config.latent_dim)


def discriminator_file(model: AAE) -> bytes:
    """The discriminator in the same layout: 0.3 MB for the reference model. What it gives is a logit."""
    return _network_file(folded_layers(model.discriminator.layers), model.config.latent_dim)


def _network_file(layers: list[tuple[Tensor, Tensor, str]], latent_dim: int) -> bytes:
    header = {
        "latent_dim": latent_dim,
        "layers": [
            {"inputs": weight.shape[1], "outputs": weight.shape[0], "activation": activation}
            for weight, _, activation in layers
        ],
    }
    text = json.dumps(header).encode()
    text += b" " * (len(text) % 2)
    body = b"".join(tensor.half().cpu().numpy().tobytes() for weight, bias, _ in layers for tensor in (weight, bias))
    return struct.pack("<I", len(text)) + text + body


def codes_file(codes: Tensor, labels: Tensor) -> bytes:
    """Codes `(M, latent_dim)` and labels `(M,)` of held-out images: 110 kB for 5,000 of them in ten dimensions.

    Layout, little-endian: uint32 length of the header; the header, JSON padded with spaces to an even end,
    ``{"count": M, "latent_dim": n}``; the codes as float16, row-major; the labels as uint8.
    """
    text = json.dumps({"count": len(codes), "latent_dim": codes.shape[1]}).encode()
    text += b" " * (len(text) % 2)
    packed = codes.half().cpu().numpy().tobytes() + labels.to(torch.uint8).cpu().numpy().tobytes()
    return struct.pack("<I", len(text)) + text + packed


@torch.no_grad()
def folded_layers(network: nn.Sequential) -> list[tuple[Tensor, Tensor, str]]:
    """Weight `(outputs, inputs)`, bias `(outputs,)` and activation of each layer of a network as it is in eval mode.

    A batch norm after a linear layer is itself linear then: γ·(Wh + b - m)/√(v + ε) + β has weight γ/√(v + ε)·W.
    """
    layers: list[tuple[Tensor, Tensor, str]] = []
    for module in network:
        match module:
            case nn.Linear():
                layers.append((module.weight.detach(), module.bias.detach(), "linear"))
            case nn.BatchNorm1d(running_mean=Tensor() as mean, running_var=Tensor() as variance):
                weight, bias, activation = layers[-1]
                scale = module.weight / torch.sqrt(variance + module.eps)
                layers[-1] = (weight * scale[:, None], (bias - mean) * scale + module.bias, activation)
            case nn.LeakyReLU():
                layers[-1] = (*layers[-1][:2], "leaky_relu")
            case nn.Tanh():
                layers[-1] = (*layers[-1][:2], "tanh")
            case _:
                raise TypeError(f"The browser's networks have no {type(module).__name__}.")
    return layers
