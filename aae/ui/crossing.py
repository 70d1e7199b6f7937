"""Values on their way to another process and back, as bytes. Only between processes of ours: nothing else is unpickled."""

from __future__ import annotations

import io
import pickle
from typing import Any

import torch


class _Pickler(pickle.Pickler):
    """With tensors as plain arrays: PyTorch takes twice as long, or hands over memory that both processes then share."""

    def reducer_override(self, value: object) -> Any:  # noqa: ANN401 (as `pickle` has it)
        return (torch.from_numpy, (value.detach().numpy(),)) if isinstance(value, torch.Tensor) else NotImplemented


def crossing(value: object) -> bytes:
    """The value as bytes; tensors in it must be on the CPU."""
    file = io.BytesIO()
    _Pickler(file, protocol=5).dump(value)
    return file.getvalue()


def arrived(content: bytes) -> Any:  # noqa: ANN401
    """The value that `crossing` made these bytes of."""
    return pickle.loads(content)
