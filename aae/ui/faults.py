"""What to tell a visitor whose run failed: which setting to lower when memory ran out, and that nothing else was lost."""

from __future__ import annotations

import gc
import logging
import traceback

import torch

from aae.config import ModelConfig, TrainConfig
from aae.errors import AAEError

KILLED = -9
"""Exit code of a process that the system ended at once, as it does where memory runs out (POSIX)."""
# Of a CPU ("DefaultCPUAllocator: can't allocate memory"), MPS ("MPS backend out of memory") and cuBLAS or cuDNN handles.
MEMORY_WORDS = ("can't allocate memory", "not enough memory", "out of memory", "_alloc_failed")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device or the machine had not enough memory; PyTorch says so in several ways."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in MEMORY_WORDS)


def explain(error: Exception, model: ModelConfig | None = None, config: TrainConfig | None = None) -> str:
    """What the visitor of a failed run is told. What is no error of theirs is logged with its traceback."""
    if isinstance(error, AAEError):
        return str(error)
    if is_out_of_memory(error):
        free_memory(error)
        if model is None or config is None:
            return "The device ran out of memory; choose a smaller data set, or try again when fewer people train."
        return f"The device ran out of memory: {advice(model, config)}. All other models are untouched."
    logging.getLogger(__name__).error("A training run failed.", exc_info=error)
    return (
        f"This run ended by an error of ours ({type(error).__name__}). All other models are untouched; train again, and if it "
        "ends so again, with a lower learning rate or a smaller batch."
    )


def ended_by(code: int, model: ModelConfig, config: TrainConfig) -> str:
    """What the visitor is told whose run's process ended without a word, with that exit code: below 0, by that signal."""
    logging.getLogger(__name__).error("The process of a training run ended with exit code %d.", code)
    how = "was ended from outside, most likely for lack of memory" if code == KILLED else "crashed"
    return f"This run {how}: {advice(model, config)}. All other models are untouched."


def advice(model: ModelConfig, config: TrainConfig) -> str:
    """What to lower where memory ran out."""
    return (
        f"lower the batch size (now {config.batch_size:,}) or the hidden units (now {model.hidden_dim:,}), or choose a smaller "
        "data set"
    )


def free_memory(error: Exception) -> None:
    """Give back what a failed run held: its frames hang on the error, and would hold it for as long as that is looked at."""
    traceback.clear_frames(error.__traceback__)
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
