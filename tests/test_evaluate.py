from __future__ import annotations

import json

import pytest

from aae.checkpoints import Checkpoint, save_checkpoint
from aae.classifier import Classifier, save_classifier
from aae.config import ModelConfig, TrainConfig
from aae.data import load_images
from aae.errors import CheckpointError
from aae.evaluate import ROWS, evaluate, main
from aae.metrics import Quality
from aae.models import AAE
from aae.training import Trainer


@pytest.fixture
def files(tmp_path):
    data = load_images("digits-sample", "train")
    trainer = Trainer(data, ModelConfig(latent_dim=3, hidden_dim=32), TrainConfig(dataset="digits-sample"))
    trainer.step()
    save_checkpoint(tmp_path / "model.safetensors", trainer.checkpoint())
    save_classifier(tmp_path / "classifier.safetensors", Classifier(10), "digits-sample", 0.1)
    return tmp_path / "model.safetensors", tmp_path / "classifier.safetensors"


def test_the_command_prints_a_row_for_every_number_and_the_same_as_json(files, capsys):
    model, classifier = map(str, files)
    assert main([model, "--classifier", classifier]) == 0
    printed = capsys.readouterr().out
    assert all(f"| {title} |" in printed for title in ROWS.values())
    assert set(ROWS) | {"images"} == set(Quality.__dataclass_fields__)
    assert main([model, "--classifier", classifier, "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["images"] == 500
    assert f"{row['l1']:.4f}" in printed


def test_a_checkpoint_without_a_record_cannot_be_measured(tmp_path):
    save_checkpoint(tmp_path / "bare.safetensors", Checkpoint.of(AAE(ModelConfig(hidden_dim=32))))
    with pytest.raises(CheckpointError, match="what it was trained on"):
        evaluate(tmp_path / "bare.safetensors")
