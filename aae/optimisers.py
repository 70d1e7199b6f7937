"""Adam with less around it: a small step on a CPU spends as long in an optimiser's bookkeeping as in its arithmetic."""

from __future__ import annotations

import inspect

import torch
from torch.optim import Adam
from torch.optim.adam import adam


class LeanAdam(Adam):
    """Adam (Kingma and Ba, 2015) for one group of parameters that all have gradients, with the fused kernel; no closures.

    The numbers and the state are those of `torch.optim.Adam(..., fused=True)`; what is left out is its checks of every
    parameter at every step.
    """

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update. The first, and the first after a state was dropped, is Adam's own: it makes the state."""
        group = self.param_groups[0]
        parameters = group["params"]
        states = [self.state[parameter] for parameter in parameters]
        if not all(states):
            inspect.unwrap(Adam.step)(self)  # bare: the hooks are called around this method already
            return
        beta1, beta2 = group["betas"]
        adam(
            parameters,
            [parameter.grad for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )
