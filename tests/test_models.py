"""The three networks have the published layers, shapes and ranges."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aae import AAE
from aae.checkpoints import load_checkpoint
from aae.config import ModelConfig
from aae.data import to_model_range


def layers(network: nn.Module) -> list[str]:
    """The network's layers with what fixes them, e.g. "Linear 1024 512"."""
    found = []
    for module in network.modules():
        match module:
            case nn.Linear():
                assert module.bias is not None
                found.append(f"Linear {module.in_features} {module.out_features}")
            case nn.BatchNorm1d():
                assert module.affine
                assert module.track_running_stats
                found.append(f"BatchNorm {module.num_features}")
            case nn.LeakyReLU():
                found.append(f"LeakyReLU {module.negative_slope}")
            case _ if not list(module.children()):
                found.append(type(module).__name__)
    return found


@pytest.fixture(scope="module")
def digits(held_out):
    return to_model_range(held_out.images[::50])  # one of each class


@pytest.fixture(scope="module")
def model(trained):
    return trained.model().requires_grad_(False)


def test_the_encoder_has_the_published_layers():
    assert layers(AAE().encoder) == [
        "Flatten",
        "Linear 1024 512",
        "LeakyReLU 0.2",
        "Linear 512 512",
        "BatchNorm 512",
        "LeakyReLU 0.2",
        "Linear 512 10",
        "Linear 512 10",
    ]


def test_the_decoder_has_the_published_layers():
    assert layers(AAE().decoder) == [
        "Linear 10 512",
        "LeakyReLU 0.2",
        "Linear 512 512",
        "BatchNorm 512",
        "LeakyReLU 0.2",
        "Linear 512 1024",
        "Tanh",
    ]


def test_the_discriminator_has_the_published_layers_and_ends_in_logits():
    published = ["Linear 10 512", "LeakyReLU 0.2", "Linear 512 256", "LeakyReLU 0.2", "Linear 256 1"]
    assert layers(AAE().discriminator) == published


@pytest.mark.parametrize("latent_dim", [2, 10, 64])
def test_shapes_follow_the_latent_dimension(latent_dim, digits):
    model = AAE(ModelConfig(latent_dim=latent_dim, hidden_dim=32)).eval()
    z = model.encode(digits)
    assert z.shape == (10, latent_dim)
    assert model.decode(z).shape == (10, 1, 32, 32)
    assert model.discriminate(z).shape == (10,)


def test_decoded_images_stay_in_range_for_any_code(model):
    x = model.decode(torch.cat([torch.randn(64, 10), torch.full((1, 10), 1e6), torch.full((1, 10), -1e6)]))
    assert x.abs().max() <= 1
    assert x.min() < -0.9  # and reach the background's black


def test_a_brief_training_reconstructs_digits_better_than_their_mean(model, held_out):
    x = to_model_range(held_out.images)
    error = (model.decode(model.encode(x, sample=False)) - x).abs().mean()
    assert error < 0.8 * (x.mean(0) - x).abs().mean()


def test_without_sampling_the_code_is_the_mean_each_time(model, digits):
    mean, _ = model.encoder(digits)
    assert torch.equal(model.encode(digits, sample=False), mean)
    assert torch.equal(model.encode(digits, sample=False), mean)


def test_a_sampled_code_is_mean_plus_sigma_times_the_generators_noise(model, digits):
    mean, log_variance = model.encoder(digits)
    eps = torch.randn(10, 10, generator=torch.Generator().manual_seed(7))
    z = model.encode(digits, generator=torch.Generator().manual_seed(7))
    torch.testing.assert_close(z, mean + torch.exp(log_variance / 2) * eps, rtol=1e-6, atol=1e-7)
    assert not torch.equal(z, mean)


def test_gradients_reach_both_heads_through_a_sampled_code(digits):
    model = AAE(ModelConfig(hidden_dim=32))
    model.encode(digits).square().sum().backward()
    assert model.encoder.mean.weight.grad.abs().sum() > 0
    assert model.encoder.log_variance.weight.grad.abs().sum() > 0


def test_a_deterministic_posterior_returns_the_mean_even_when_asked_to_sample(digits):
    model = AAE(ModelConfig(hidden_dim=32, posterior="deterministic")).eval()
    assert torch.equal(model.encode(digits, sample=True), model.encoder(digits)[0])


@pytest.mark.parametrize("shape", [(32, 32), (1, 32, 32), (2, 32, 32), (2, 3, 32, 32), (2, 1, 28, 28), (2, 1024)])
def test_encode_says_what_shape_it_takes(shape):
    with pytest.raises(ValueError, match=r"\(N, 1, 32, 32\), not \(" + str(shape[0])):
        AAE(ModelConfig(hidden_dim=16)).encode(torch.zeros(shape))


@pytest.mark.parametrize("name", ["decode", "discriminate"])
@pytest.mark.parametrize("shape", [(10,), (2, 9), (2, 11), (2, 10, 1)])
def test_decode_and_discriminate_say_what_shape_they_take(name, shape):
    with pytest.raises(ValueError, match=rf"{name} takes codes of shape \(N, 10\), not"):
        getattr(AAE(ModelConfig(hidden_dim=16)), name)(torch.zeros(shape))


@pytest.mark.parametrize("config", [ModelConfig(hidden_dim=32), ModelConfig(latent_dim=2, posterior="deterministic")])
def test_a_saved_model_loads_with_the_same_config_weights_and_answers(config, digits, tmp_path):
    model = AAE(config)
    model.encode(digits)  # in training mode: batch norm's statistics are no longer their first values
    model.save(tmp_path / "model.safetensors")
    loaded = AAE.load(tmp_path / "model.safetensors")
    assert loaded.config == config
    assert not loaded.training
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in model.state_dict().items())
    z = model.eval().encode(digits, sample=False)
    assert torch.equal(loaded.encode(digits, sample=False), z)
    assert torch.equal(loaded.decode(z), model.decode(z))
    assert torch.equal(loaded.discriminate(z), model.discriminate(z))


def test_a_trained_file_loads_through_the_public_name(trained_file, model, digits):
    assert torch.equal(AAE.load(str(trained_file)).encode(digits, sample=False), model.encode(digits, sample=False))


def test_save_keeps_the_record_it_is_given(trained, tmp_path):
    trained.model().save(tmp_path / "model.safetensors", record=trained.record)
    assert load_checkpoint(tmp_path / "model.safetensors").record == trained.record


def test_the_centre_is_subtracted_from_what_the_encoder_sees_and_a_bias_can_do_the_same(model, digits):
    centred, shifted = AAE().eval().requires_grad_(False), AAE().eval().requires_grad_(False)
    for network in (centred, shifted):
        network.load_state_dict(model.state_dict())
    centred.encoder.centre.copy_(digits.mean(0).flatten())
    first = shifted.encoder.trunk[1]
    first.bias.sub_(first.weight @ digits.mean(0).flatten())
    assert not torch.allclose(centred.encode(digits, sample=False), model.encode(digits, sample=False), atol=1e-2)
    torch.testing.assert_close(centred.encode(digits, sample=False), shifted.encode(digits, sample=False), atol=1e-4, rtol=0)
