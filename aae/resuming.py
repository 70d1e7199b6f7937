"""Taking up a run where a checkpoint left it: weights, optimisers, noise and place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from aae.checkpoints import Checkpoint
from aae.errors import TrainingError

if TYPE_CHECKING:
    from aae.training import Trainer


def restore(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Give a trainer the state in a checkpoint; it then goes on exactly as the run that was saved would have.

    Raises:
        TrainingError: the checkpoint carries no training state, a damaged one, or another model's or data set's.
    """
    if not checkpoint.training:
        raise TrainingError("This checkpoint carries no training state, so it cannot be resumed; train anew instead.")
    if checkpoint.model_config != trainer.model.config:
        raise TrainingError("This checkpoint is of another model; resume it with its own settings.")
    training = dict(checkpoint.training)
    trained_on = checkpoint.record.dataset if checkpoint.record else trainer.data.dataset
    if trained_on != trainer.data.dataset or int(training.pop("images", torch.tensor(0))) != len(trainer.data):
        raise TrainingError("This run was on other images; resume it on the data set that it began with.")
    try:
        trainer.model.load_state_dict(checkpoint.weights)
        noise, trainer.step_count = training.pop("noise"), int(training.pop("step"))
        if trainer.step_count < 0:
            raise ValueError("a step before the first")
        _take_noise(trainer, noise, checkpoint)
        for name, optimiser in trainer.optimisers().items():
            shapes = [parameter.shape for parameter in optimiser.param_groups[0]["params"]]
            state = _moments(training, name, shapes) if trainer.step_count else {}
            optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        if training:
            raise ValueError("more than the state of two optimisers")
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise TrainingError("The training state in this checkpoint is damaged; train anew instead.") from error
    if checkpoint.record is not None:
        trainer.seconds = checkpoint.record.wall_clock_seconds
        trainer.history = list(checkpoint.record.history)


def _take_noise(trainer: Trainer, state: Tensor, checkpoint: Checkpoint) -> None:
    """Go on with the run's noise; that of another kind of device cannot be had here, so it is drawn anew."""
    began_on = checkpoint.record.device.partition(" ")[0] if checkpoint.record else trainer.device.type
    if began_on == trainer.device.type:
        trainer.noise.set_state(state)
        return
    trainer.noise.manual_seed(trainer.config.seed + trainer.step_count)
    trainer.notice = (
        f"This run comes from another device ({began_on}), so its noise from here on is not what it would be there; "
        "weights, optimisers and the order of the images go on as they were."
    )


def _moments(training: dict[str, Tensor], name: str, shapes: list[torch.Size]) -> dict[int, dict[str, Tensor]]:
    """Take an Adam's state out of `training`; `KeyError` or `ValueError` unless all is there, fits and is finite."""
    state: dict[int, dict[str, Tensor]] = {}
    for index, shape in enumerate(shapes):
        moments = {key: training.pop(f"{name}.{index}.{key}").clone() for key in ("step", "exp_avg", "exp_avg_sq")}
        if moments["exp_avg"].shape != shape or moments["exp_avg_sq"].shape != shape:
            raise ValueError(f"{name}.{index} does not fit")
        if not all(bool(torch.isfinite(tensor).all()) for tensor in moments.values()):
            raise ValueError(f"{name}.{index} is not finite")
        state[index] = moments
    return state
