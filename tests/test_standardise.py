from __future__ import annotations

import pytest
import torch

from aae.config import ModelConfig
from aae.data import load_images, to_model_range
from aae.models import AAE
from aae.standardise import standardise


@pytest.mark.parametrize("posterior", ["gaussian", "deterministic"])
def test_codes_take_the_priors_mean_and_covariance_and_reconstructions_stay(posterior):
    images = load_images("digits-sample", "test").images
    x = to_model_range(images)
    torch.manual_seed(0)
    model = AAE(ModelConfig(latent_dim=3, hidden_dim=32, posterior=posterior)).eval()
    model.encoder.log_variance.bias.data.fill_(-30.0)
    before = model.decode(model.encode(x, sample=False))
    standardise(model, images)
    codes = model.encode(x, sample=False)
    assert codes.mean(0).detach().numpy() == pytest.approx(0.0, abs=1e-4)
    assert torch.cov(codes.T).detach().numpy() == pytest.approx(torch.eye(3).numpy(), abs=1e-3)
    assert torch.allclose(model.decode(codes), before, atol=1e-4)
    assert not model.training
