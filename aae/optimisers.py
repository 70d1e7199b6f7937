"""Adam with less around it: a small step on a CPU spends as long in an optimiser's bookkeeping as in its arithmetic."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.optim.adam import adam

LANE = 16
"""Each tensor begins at a multiple of so many numbers, 64 bytes: one vector of the widest processors."""


class LeanAdam(Adam):
    """Adam (Kingma and Ba, 2015) for one group of parameters of one type that all have gradients, with the fused kernel.

    The numbers and the state are those of `torch.optim.Adam(..., fused=True)`; no closures. From the second step on the
    parameters, their gradients and moments lie in one stretch of memory each, of which every tensor is a view: the kernel runs
    once instead of for each tensor, and nothing is checked tensor by tensor.
    """

    _flat: Flat | None = None

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update. The first, and the first after a state was dropped, is Adam's own: it makes the state."""
        group = self.param_groups[0]
        parameters = group["params"]
        flat = self._flat
        if flat is None or not flat.holds(parameters[0], self.state[parameters[0]]):
            states = [self.state[parameter] for parameter in parameters]
            if not all(states):
                inspect.unwrap(Adam.step)(self)  # bare: the hooks are called around this method already
                return
            flat = self._flat = Flat(parameters, states)
        flat.take_gradients(parameters)
        beta1, beta2 = group["betas"]
        adam(
            [flat.parameters],
            [flat.gradients],
            [flat.exp_avg],
            [flat.exp_avg_sq],
            [],
            [flat.step],
            fused=True,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"],
            weight_decay=0.0,
            eps=group["eps"],
            maximize=False,
        )
        flat.steps.fill_(flat.step)


class Flat:
    """Parameters, gradients and Adam's state, each tensor of them a view of one of five long ones."""

    def __init__(self, parameters: Sequence[nn.Parameter], states: Sequence[dict[str, Tensor]]) -> None:
        starts, length = [], 0
        for parameter in parameters:
            starts.append(length)
            length += -(-parameter.numel() // LANE) * LANE
        self.parameters, self.gradients, self.exp_avg, self.exp_avg_sq = parameters[0].new_zeros(4, length).unbind()
        self.step = states[0]["step"].clone()
        self.steps = torch.zeros(len(parameters))
        self.gradient_views: list[Tensor] = []

        for index, (start, parameter, state) in enumerate(zip(starts, parameters, states, strict=True)):

            def view(of: Tensor, start: int = start, like: Tensor = parameter) -> Tensor:
                return of[start : start + like.numel()].view(like.shape)

            parameter.data = view(self.parameters).copy_(parameter)
            self.gradient_views.append(view(self.gradients))
            state["exp_avg"] = view(self.exp_avg).copy_(state["exp_avg"])
            state["exp_avg_sq"] = view(self.exp_avg_sq).copy_(state["exp_avg_sq"])
            state["step"] = self.steps[index]
        self.steps.fill_(self.step)
        self._first = states[0]["exp_avg"]

    def holds(self, parameter: nn.Parameter, state: dict[str, Tensor]) -> bool:
        """Whether the first parameter and its state are still those in here; others come and go together with them."""
        return state.get("exp_avg") is self._first and parameter.data_ptr() == self.parameters.data_ptr()

    def take_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Copy the gradients that do not lie in here yet, and let the next ones be written here."""
        for parameter, view in zip(parameters, self.gradient_views, strict=True):
            if parameter.grad is not view:
                view.copy_(parameter.grad)  # type: ignore[arg-type]
                parameter.grad = view
