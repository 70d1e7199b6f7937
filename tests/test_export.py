"""The browser's decoder file holds the decoder as it is in evaluation mode."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
import torch

from aae import AAE
from aae.config import ModelConfig
from aae.export import codes_file, decoder_file, discriminator_file, folded_layers

ACTIVATIONS = {"leaky_relu": lambda h: np.where(h > 0, h, 0.2 * h), "tanh": np.tanh, "linear": lambda h: h}


def decode_from_file(content: bytes, z: np.ndarray) -> np.ndarray:
    """An independent reader of the layout that `decoder_file` documents."""
    (length,) = struct.unpack_from("<I", content)
    header = json.loads(content[4 : 4 + length])
    numbers = np.frombuffer(content, "<f2", offset=4 + length).astype(np.float64)
    h, place = z, 0
    for layer in header["layers"]:
        inputs, outputs = layer["inputs"], layer["outputs"]
        weight = numbers[place : place + inputs * outputs].reshape(outputs, inputs)
        bias = numbers[place + inputs * outputs : place + inputs * outputs + outputs]
        place += inputs * outputs + outputs
        h = ACTIVATIONS[layer["activation"]](h @ weight.T + bias)
    assert place == len(numbers)
    assert header["latent_dim"] == z.shape[1]
    return h


@pytest.fixture(scope="module")
def model(trained):
    return trained.model().requires_grad_(False)


@pytest.fixture(scope="module")
def codes():
    return torch.randn(200, 10, generator=torch.Generator().manual_seed(0))


def test_folded_layers_equal_the_decoder_in_evaluation_mode(model, codes):
    h = codes
    for weight, bias, activation in folded_layers(model.decoder.layers):
        h = h @ weight.T + bias
        h = torch.tanh(h) if activation == "tanh" else torch.nn.functional.leaky_relu(h, 0.2)
    torch.testing.assert_close(h, model.decode(codes).flatten(1), rtol=0, atol=1e-5)


def test_folding_leaves_the_model_as_it_was(model):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    decoder_file(model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_the_file_decodes_to_the_same_image_within_a_grey_level(model, codes):
    images = decode_from_file(decoder_file(model), codes.numpy().astype(np.float64))
    np.testing.assert_allclose(images, model.decode(codes).flatten(1).numpy(), rtol=0, atol=1 / 255)


@pytest.mark.parametrize("latent_dim", [2, 3, 64])
@pytest.mark.parametrize("hidden_dim", [16, 17])
def test_files_of_any_size_parse_and_decode(latent_dim, hidden_dim):
    model = AAE(ModelConfig(latent_dim=latent_dim, hidden_dim=hidden_dim)).eval()
    z = torch.randn(4, latent_dim)
    images = decode_from_file(decoder_file(model), z.numpy().astype(np.float64))
    np.testing.assert_allclose(images, model.decode(z).flatten(1).detach().numpy(), rtol=0, atol=1 / 255)


def test_the_reference_decoder_is_small_enough_to_fetch_at_once(model):
    numbers = 10 * 512 + 512 + 512 * 512 + 512 + 512 * 1024 + 1024
    size = len(decoder_file(model))
    assert 2 * numbers < size < 2 * numbers + 1024
    assert size < 1_700_000


def test_equal_models_give_equal_files(trained):
    assert decoder_file(trained.model()) == decoder_file(trained.model())


@pytest.mark.parametrize("count", [0, 3])
def test_codes_file_reads_back_to_codes_and_labels(count):
    codes, labels = torch.randn(count, 5).half(), torch.arange(count)
    content = codes_file(codes, labels)
    (length,) = struct.unpack_from("<I", content)
    assert json.loads(content[4 : 4 + length]) == {"count": count, "latent_dim": 5}
    numbers = np.frombuffer(content, "<f2", count=5 * count, offset=4 + length)
    np.testing.assert_array_equal(numbers.reshape(count, 5), codes.numpy())
    np.testing.assert_array_equal(np.frombuffer(content, np.uint8, offset=4 + length + 10 * count), labels.numpy())


def test_discriminators_file_gives_the_same_logits(model, codes):
    logits = decode_from_file(discriminator_file(model), codes.numpy().astype(np.float64))[:, 0]
    np.testing.assert_allclose(logits, model.discriminate(codes).numpy(), rtol=0, atol=0.02)
