"""How good a model is."""

from __future__ import annotations

import torch

from aae.data import ImageData, to_model_range
from aae.losses import reconstruction_loss
from aae.models import AAE


@torch.no_grad()
def reconstruction_l1(model: AAE, data: ImageData) -> float:
    """Mean absolute reconstruction error of posterior means over pixels in [-1, 1]; the model must be in eval mode."""
    total = 0.0
    for part in data.images.split(2048):
        x = to_model_range(part.to(model.device))
        total += reconstruction_loss(model.decode(model.encode(x, sample=False)), x).item() * len(part)
    return total / len(data)
