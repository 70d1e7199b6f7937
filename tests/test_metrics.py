from __future__ import annotations

import pytest
import torch

from aae.classifier import Classifier
from aae.config import ModelConfig
from aae.data import load_images
from aae.metrics import measure
from aae.models import AAE


def test_measure_is_the_same_twice_and_its_floors_lie_below_an_untrained_model():
    train, held_out = load_images("digits-sample", "train"), load_images("digits-sample", "test")
    torch.manual_seed(0)
    model, classifier = AAE(ModelConfig(latent_dim=3, hidden_dim=32)).eval(), Classifier(10).eval()
    quality = measure(model, held_out, train, classifier, seed=4)
    assert quality == measure(model, held_out, train, classifier, seed=4)
    assert quality.images == len(held_out)
    assert quality.ks_floor < quality.ks_mean <= quality.ks_worst
    assert quality.sliced_wasserstein_floor < quality.sliced_wasserstein
    assert quality.frechet_floor < quality.frechet_samples
    assert quality.class_entropy_real == pytest.approx(1.0)
