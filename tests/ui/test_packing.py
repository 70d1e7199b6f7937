from __future__ import annotations

import base64

import numpy as np

from aae.ui.packing import packed_image, packed_points


def test_points_and_images_are_packed_little_endian():
    points = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.array_equal(np.frombuffer(base64.b64decode(packed_points(points)), "<f4").reshape(2, 2), points)
    image = np.arange(1024).reshape(32, 32) % 256
    assert base64.b64decode(packed_image(image)) == image.astype(np.uint8).tobytes()
