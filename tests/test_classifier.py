from __future__ import annotations

import pytest
import torch

from aae.classifier import Classifier, accuracy, load_classifier, main, save_classifier, train_classifier
from aae.data import load_images, to_model_range
from aae.errors import CheckpointError


@pytest.fixture(scope="module")
def trained() -> Classifier:
    return train_classifier(load_images("digits-sample", "train"), epochs=2)


def test_it_learns_digits_in_two_epochs_of_the_sample(trained):
    assert not trained.training
    assert accuracy(trained, load_images("digits-sample", "test")) > 0.85


def test_the_same_seed_gives_the_same_weights_and_leaves_global_random_state_alone(trained):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    again = train_classifier(load_images("digits-sample", "train"), epochs=2)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(trained.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_saved_classifier_gives_the_same_features(trained, tmp_path):
    save_classifier(tmp_path / "c.safetensors", trained, "mnist", 0.9)
    x = to_model_range(load_images("digits-sample", "test").images[:8])
    assert torch.equal(load_classifier(tmp_path / "c.safetensors").features(x), trained.features(x))
    assert (tmp_path / "c.safetensors").stat().st_size < 1_000_000


@pytest.mark.parametrize("content", [None, b"", b"not a safetensors file"])
def test_a_missing_or_damaged_file_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "c.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"c\.safetensors"):
        load_classifier(path)


def test_the_command_writes_a_file_and_prints_the_accuracy(tmp_path, capsys):
    out = tmp_path / "c.safetensors"
    assert main(["--dataset", "digits-sample", "--epochs", "1", "--out", str(out)]) == 0
    assert "% of the test images of digits-sample right" in capsys.readouterr().out
    assert load_classifier(out).classes == 10
