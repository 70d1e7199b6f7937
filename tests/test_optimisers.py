"""LeanAdam is Adam."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.optim import Adam

from aae.optimisers import LeanAdam


def test_its_weights_and_state_are_those_of_adam():
    torch.manual_seed(0)
    one = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))
    other = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))
    other.load_state_dict(one.state_dict())
    adam = Adam(one.parameters(), 1e-2, (0.5, 0.9), fused=True)
    lean = LeanAdam(other.parameters(), 1e-2, (0.5, 0.9), fused=True)
    for step in range(6):
        for network, optimiser in ((one, adam), (other, lean)):
            if step == 3:  # as after a diverged run, and with a schedule
                optimiser.state.clear()
                optimiser.param_groups[0]["lr"] = 5e-3
            optimiser.zero_grad()
            network(torch.arange(40.0).view(8, 5) / (step + 9)).square().mean().backward()
            optimiser.step()
    for wanted, found in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(found, wanted)
    states = zip(adam.state_dict()["state"].values(), lean.state_dict()["state"].values(), strict=True)
    for wanted, found in states:
        torch.testing.assert_close(found, wanted)


def test_its_tensors_are_views_of_long_ones_until_a_state_is_dropped_or_loaded():
    layer = nn.Linear(3, 3)
    optimiser = LeanAdam(layer.parameters(), fused=True)

    def advance(steps: int) -> None:
        for _ in range(steps):
            optimiser.zero_grad()
            layer(torch.ones(2, 3)).sum().backward()
            optimiser.step()

    def storages() -> set[int]:
        return {parameter.untyped_storage().data_ptr() for parameter in layer.parameters()}

    advance(3)
    first = storages()
    assert len(first) == 1
    assert float(optimiser.state[layer.weight]["step"]) == 3
    advance(1)
    assert storages() == first
    optimiser.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    advance(2)
    assert len(storages()) == 1
    assert storages() != first
    assert float(optimiser.state[layer.bias]["step"]) == 6
    optimiser.state.clear()
    advance(2)
    assert float(optimiser.state[layer.bias]["step"]) == 2


def test_hooks_see_its_steps():
    layer, seen = nn.Linear(2, 2), []
    Adam(layer.parameters(), fused=True)  # making one puts hooks around Adam's own step
    optimiser = LeanAdam(layer.parameters(), fused=True)
    optimiser.register_step_post_hook(lambda *_: seen.append(1))
    layer(torch.ones(3, 2)).sum().backward()
    for count in (1, 2):  # the first is Adam's own
        optimiser.step()
        assert len(seen) == count
