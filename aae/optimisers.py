"""Adam for one layer at a time, as soon as its gradients are known."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Adam

ONE = torch.ones(())
"""A number would be made a tensor at every addition."""


@torch.no_grad()
def update(optimiser: Adam, parameters: list[Tensor], gradients: list[Tensor]) -> None:
    """What `optimiser.step()` does to these of its parameters, which then need no `grad` (Kingma and Ba, 2015, algorithm 1).

    The same kernel (`fused=True`), numbers and state, on a CPU; hooks are not called. A layer's weights and gradients are
    still in the processor's cache then, where a step over all of them later fetches each from memory again.
    """
    group, moments, squares, steps = optimiser.param_groups[0], [], [], []
    for parameter in parameters:
        state = optimiser.state[parameter]
        if not state:  # as Adam makes it
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        moments.append(state["exp_avg"])
        squares.append(state["exp_avg_sq"])
        steps.append(state["step"].add_(ONE))
    beta1, beta2 = group["betas"]
    torch._fused_adam_(
        parameters,
        gradients,
        moments,
        squares,
        [],
        steps,
        lr=group["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=group["weight_decay"],
        eps=group["eps"],
        amsgrad=False,
        maximize=False,
    )
