"""An update of some parameters is Adam's of all of them."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim import Adam

from aae.optimisers import update


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))


def test_layer_by_layer_weights_and_state_are_those_of_a_step_of_adam():
    one, other = network(), network()
    adam, lean = (Adam(made.parameters(), 1e-2, (0.5, 0.9), fused=True) for made in (one, other))
    for step in range(6):
        if step == 2:  # as where a run is taken up again
            lean.load_state_dict(copy.deepcopy(lean.state_dict()))
        if step == 3:  # as after a diverged run, and with a schedule
            for optimiser in (adam, lean):
                optimiser.state.clear()
                optimiser.param_groups[0]["lr"] = 5e-3
        for made in (one, other):
            made.zero_grad()
            made(torch.arange(40.0).view(8, 5) / (step + 9)).square().mean().backward()
        adam.step()
        for layer in reversed(other):
            parameters = list(layer.parameters())
            update(lean, parameters, [parameter.grad for parameter in parameters])
    for wanted, found in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(found, wanted)
    for wanted, found in zip(adam.state.values(), (lean.state[parameter] for parameter in other.parameters()), strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_a_step_of_adam_goes_on_from_an_update():
    layer = nn.Linear(2, 2)
    adam = Adam(layer.parameters(), 0.1, fused=True)
    update(adam, [layer.bias], [torch.ones(2)])
    layer(torch.ones(3, 2)).sum().backward()
    adam.step()
    assert [float(adam.state[parameter]["step"]) for parameter in (layer.weight, layer.bias)] == [1, 2]
