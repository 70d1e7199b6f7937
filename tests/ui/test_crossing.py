"""Values reach another process as they were."""

from __future__ import annotations

import torch

from aae.ui.crossing import arrived, crossing


def test_tensors_arrive_as_they_were(checkpoint):
    one = arrived(crossing(checkpoint))
    assert one.model_config == checkpoint.model_config
    assert one.record == checkpoint.record
    for name, tensor in {**checkpoint.weights, "codes": checkpoint.codes}.items():
        mine = one.codes if name == "codes" else one.weights[name]
        assert mine.dtype == tensor.dtype
        assert torch.equal(mine, tensor)


def test_what_arrives_may_be_written_to_and_is_a_copy():
    values = [torch.tensor(3), torch.zeros(2, 3).T]
    copies = arrived(crossing(values))
    for copy in copies:
        copy.add_(1)
    assert copies[0].item() == 4
    assert copies[1].shape == (3, 2)
    assert values[0].item() == 3
    assert not values[1].any()
