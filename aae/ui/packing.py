"""Values of the page's own components, as they travel: figures, points and images as text. Knows nothing of the page itself."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio


def figure_value(
    figure: go.Figure | dict[str, object] | None, axes: np.ndarray | None = None, description: str = ""
) -> dict[str, Any]:
    """The `value` of a `figure_box`, or, with the `axes` `(2, latent_dim)` of a projection, of a `plane_box`.

    A `description` says what this figure shows to who cannot see it, in place of the box's own. None leaves the box empty.
    """
    if figure is None:
        return {"figure": None}
    return {
        "figure": pio.to_json(figure, validate=False),
        "axes": None if axes is None else axes.tolist(),
        "description": description,
    }


def packed_points(points: np.ndarray) -> str:
    """New positions `(n, 2)` for a figure's points, in the order of its traces, for a `figure_box`."""
    return base64.b64encode(np.ascontiguousarray(points, dtype="<f4").tobytes()).decode()


def packed_image(image: np.ndarray) -> str:
    """uint8 `(32, 32)`, or several, as text for a `digit_box` or an `images_box`."""
    return base64.b64encode(np.ascontiguousarray(image, dtype=np.uint8).tobytes()).decode()


def packed(values: np.ndarray) -> str:
    """An array's bytes as text: images as uint8, numbers as little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
