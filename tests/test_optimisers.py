"""LeanAdam is Adam."""

from __future__ import annotations

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
        assert torch.equal(wanted, found)
    states = zip(adam.state_dict()["state"].values(), lean.state_dict()["state"].values(), strict=True)
    assert all(torch.equal(wanted[key], found[key]) for wanted, found in states for key in wanted)


def test_hooks_see_its_steps():
    layer, seen = nn.Linear(2, 2), []
    Adam(layer.parameters(), fused=True)  # making one puts hooks around Adam's own step
    optimiser = LeanAdam(layer.parameters(), fused=True)
    optimiser.register_step_post_hook(lambda *_: seen.append(1))
    layer(torch.ones(3, 2)).sum().backward()
    for count in (1, 2):  # the first is Adam's own
        optimiser.step()
        assert len(seen) == count
