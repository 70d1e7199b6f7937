from __future__ import annotations

import gradio as gr
import pytest

from aae.errors import AAEError
from aae.ui import explore
from aae.ui.explore import MAX_LATENT_DIM


def test_there_is_a_slider_for_every_dimension_a_model_may_have():
    from aae.config import ModelConfig

    high = ModelConfig.__dataclass_fields__["latent_dim"].metadata["limits"][1]
    assert high == MAX_LATENT_DIM


def test_an_error_of_the_users_reaches_the_page_as_its_sentence():
    with pytest.raises(gr.Error, match="Choose another"), explore.told():
        raise AAEError("Choose another.")
    with pytest.raises(ZeroDivisionError), explore.told():
        _ = 1 / 0
