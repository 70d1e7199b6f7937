"""What the server imports that runs are forked from: all that each of them would otherwise load, and plotly in use.

Nothing may be computed by PyTorch here: a fork of a process whose threads have begun, or that holds a GPU, hangs.
"""

from __future__ import annotations

import numpy as np
import torch._dynamo  # noqa: F401 (the first optimiser loads it, in a second and a half)

import aae.ui.training_process  # noqa: F401
from aae.figures import curves_figure, latent_figure
from aae.ui.packing import figure_value

_POINTS, _LABELS = np.zeros((1, 2), np.float32), np.zeros(1, np.int64)
figure_value(latent_figure(_POINTS, _LABELS, ("",), _POINTS, ("", "")))
figure_value(curves_figure([], 1, 0.0))
