"""The step with its gradients written out is the step of autograd: same draws, losses, gradients and weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from aae.backprop import Backprop, Layers, Scratch
from aae.config import PRESETS, ModelConfig
from aae.data import load_images
from aae.training import Trainer

DATA = load_images("digits-sample", "train")
MODEL = ModelConfig(latent_dim=3, hidden_dim=32)


def trainer(recipe: str = "reference", model: ModelConfig = MODEL, **changes) -> Trainer:
    made = Trainer(DATA, model, dataclasses.replace(PRESETS[recipe].train, dataset="digits-sample", **changes))
    made.model.double()
    return made


def steps(made: Trainer, count: int, by_autograd: bool) -> torch.Tensor:
    """Losses `(count, 4)` of this many steps, float64."""
    found = []
    for _ in range(count):
        x = made.next_batch().double()
        found.append(made.adversarial_step(x) if by_autograd else made.backprop.step(x))
        made.step_count += 1
    return torch.stack(found)


@pytest.mark.parametrize("recipe", PRESETS)
@pytest.mark.parametrize("posterior", ["gaussian", "deterministic"])
def test_it_follows_autograd_through_an_epoch_and_its_shorter_last_batch(recipe, posterior):
    model = dataclasses.replace(MODEL, posterior=posterior)
    one, other = trainer(recipe, model, batch_size=1000), trainer(recipe, model, batch_size=1000)
    count = one.steps_per_epoch + 2
    assert len(DATA) % 1000
    expected, found = steps(one, count, by_autograd=True), steps(other, count, by_autograd=False)
    torch.testing.assert_close(found[:, :3], expected[:, :3], rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(found[:, 3], expected[:, 3], rtol=0, atol=1e-6)  # a share of right answers, of float32 counts
    for name, tensor in one.model.state_dict().items():
        torch.testing.assert_close(other.model.state_dict()[name], tensor, rtol=0, atol=1e-6, msg=name)
    assert torch.equal(one.noise.get_state(), other.noise.get_state())


@pytest.fixture
def threads():
    """Sets torch's threads, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize(("inputs", "parts"), [(True, 1), (False, 1), (True, 2), (False, 2), (True, 3)])
def test_gradients_are_those_of_autograd(inputs, parts, threads, monkeypatch):
    torch.manual_seed(0)
    threads(parts)
    monkeypatch.setattr("aae.backprop.PART", 1)
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.LeakyReLU(0.2), nn.Linear(6, 3), nn.Tanh()).double()
    x, gradient = torch.randn(8, 4, dtype=torch.float64, requires_grad=True), torch.randn(8, 3, dtype=torch.float64)
    network(x).backward(gradient)
    expected = [parameter.grad for parameter in network.parameters()]
    network.zero_grad()
    layers, found = Layers(network, Scratch()), {}
    assert layers.layers[0].parts == parts

    def update(parameters, gradients) -> None:
        found.update({parameter: of.clone() for parameter, of in zip(parameters, gradients, strict=True)})
        for parameter in parameters:
            parameter.zero_()  # nothing else may need it any more

    with torch.no_grad():
        _, saved = layers.forward(x.detach().t())
        below = layers.backward(gradient.t(), saved, update, inputs=inputs).t()
    for parameter, wanted in zip(network.parameters(), expected, strict=True):
        torch.testing.assert_close(found[parameter], wanted, rtol=1e-12, atol=1e-14)
    if inputs:
        torch.testing.assert_close(below, x.grad, rtol=1e-12, atol=1e-14)


def test_encoder_and_decoder_are_updated_and_then_the_discriminator_alone_each_once():
    made, seen = trainer(), ([], [])
    made.backprop.updates = tuple(
        lambda parameters, gradients, of=of: of.extend((id(p), len(seen[1])) for p in parameters) for of in seen
    )
    steps(made, 1, by_autograd=False)
    generator, discriminator = seen
    assert sorted(generator) == sorted((id(p), 0) for p in made.generator_parameters)  # before any of the discriminator's
    assert sorted(p for p, _ in discriminator) == sorted(map(id, made.model.discriminator.parameters()))


def test_weight_gradients_of_one_size_are_written_into_the_same_memory():
    made, places = trainer(), []
    made.backprop.updates = (lambda _, gradients: places.append(gradients[0].data_ptr()),) * 2
    steps(made, 3, by_autograd=False)
    sizes = [module.weight.numel() for module in made.model.modules() if isinstance(module, nn.Linear)]
    assert max(map(places.count, places)) == 3 * max(map(sizes.count, sizes)) > 3


def test_a_layer_without_a_written_gradient_is_refused():
    with pytest.raises(TypeError, match="Sigmoid"):
        Layers(nn.Sequential(nn.Sigmoid()), Scratch())


def test_rounded_products_stay_near_those_of_float32_and_the_weights_stay_float32():
    model = ModelConfig(latent_dim=3, hidden_dim=128)
    exact, rounded = (
        Trainer(DATA, model, dataclasses.replace(PRESETS["fast"].train, dataset="digits-sample", precision="float32"))
        for _ in range(2)
    )
    optimisers = (rounded.generator_optimiser, rounded.discriminator_optimiser)
    half = Backprop(rounded.model, optimisers, rounded.prior, rounded.noise, rounded.config.adversarial_weight, half=True)
    losses = []
    for _ in range(12):
        x = exact.next_batch()
        losses.append(torch.stack([exact.backprop.step(x), half.step(x)]))
        exact.step_count += 1
    first, last = losses[0], torch.stack(losses[-4:]).mean(0)
    torch.testing.assert_close(first[1, :3], first[0, :3], rtol=0.01, atol=0)
    assert not torch.equal(first[1], first[0])  # it is rounded
    assert last[1, 0] < first[1, 0] / 1.2  # and learns as the other does
    torch.testing.assert_close(last[1, :3], last[0, :3], rtol=0.1, atol=0)
    assert {parameter.dtype for parameter in rounded.model.parameters()} == {torch.float32}
    states = [state for optimiser in optimisers for state in optimiser.state.values()]
    assert {state["exp_avg"].dtype for state in states} == {torch.float32}


@pytest.mark.parametrize("fast", [True, False])
def test_precision_auto_rounds_where_the_processor_gains_by_it(monkeypatch, fast):
    monkeypatch.setattr("aae.training.fast_bfloat16", lambda: fast)
    model = ModelConfig(latent_dim=3, hidden_dim=64)
    config = dataclasses.replace(PRESETS["reference"].train, dataset="digits-sample")
    assert bool(Trainer(DATA, model, dataclasses.replace(config, precision="auto")).backprop.decoder.half) is fast
    assert not Trainer(DATA, model, config).backprop.decoder.half
