"""An uploaded checkpoint is taken only if it is sound; every other file is told what it is."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors

from aae import classifier
from aae.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from aae.errors import CheckpointError, TrainingError
from aae.export import codes_file, decoder_file
from aae.training import Trainer, train
from aae.uploads import foreign_kind, fresh_start, read_checkpoint, record_json
from tests.runs import SMALL, finish, settings
from tests.zips import digits, zipped


@pytest.fixture(scope="module")
def small(take) -> Checkpoint:
    trainer = Trainer(take(70), SMALL, settings())
    finish(trainer)
    return trainer.checkpoint()


def content_of(checkpoint: Checkpoint, tmp_path) -> bytes:
    path = tmp_path / "given.safetensors"
    save_checkpoint(path, checkpoint)
    return path.read_bytes()


def refusal(content: bytes, **options) -> str:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(content, **options)
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")
    assert len(sentence) < 300
    assert "/tmp" not in sentence
    return sentence


def test_a_checkpoint_arrives_whole_and_refers_to_no_file(trained, trained_file):
    given = read_checkpoint(trained_file.read_bytes())
    assert given.model_config == trained.model_config
    assert given.record == trained.record
    assert torch.equal(given.codes, trained.codes)
    for mine, theirs in ((given.weights, trained.weights), (given.training, trained.training)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[name], theirs[name]) for name in mine)
        assert all(tensor.untyped_storage().nbytes() == tensor.nbytes for tensor in mine.values()), "a copy, not a view"


class Harmful:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))


def torch_file(**options) -> bytes:
    file = io.BytesIO()
    torch.save({"weights": torch.zeros(3)}, file, **options)
    return file.getvalue()


def array_file() -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (pickle.dumps(Harmful()), "could run code"),
        (torch_file(_use_new_zipfile_serialization=False), "could run code"),
        (array_file(), "could run code"),
        (torch_file(), "a zip or a pickle"),
        (b'{\n  "model_config": {}}', "training record"),
        (b"<!doctype html><title>x</title>", "a web page"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "damaged or not a safetensors file"),
        (bytes(1000), "damaged or not a safetensors file"),
        (b"\xff" * 1000, "damaged or not a safetensors file"),
        (to_safetensors({"x": torch.zeros(2)}), "not a checkpoint of this app"),
    ],
)
def test_another_kind_of_file_is_told_apart_and_never_opened(content, said):
    assert said in refusal(content)


def test_other_files_of_this_app_are_told_apart(trained, take, tmp_path):
    assert "no encoder" in refusal(decoder_file(trained.model()))
    assert "no encoder" in refusal(codes_file(trained.codes, trained.labels))
    assert "training record" in refusal(record_json(trained).encode())
    assert "a zip" in refusal(zipped(digits(take(12))))
    classifier.save_classifier(tmp_path / "c.safetensors", classifier.Classifier(10), "mnist", 0.5)
    assert "is a classifier" in refusal((tmp_path / "c.safetensors").read_bytes())


def test_a_safetensors_file_is_not_taken_for_a_pickle_by_the_length_of_its_header():
    assert foreign_kind(b"\x80\x02" + bytes(6) + b'{"x"') == ""


def test_truncated_damaged_or_diverged_checkpoints_are_refused(small, tmp_path):
    content = content_of(small, tmp_path)
    for end in (4, 100, len(content) // 2, len(content) - 1):
        refusal(content[:end])
    weights = {**small.weights, "encoder.mean.bias": torch.full_like(small.weights["encoder.mean.bias"], torch.nan)}
    assert "not finite" in refusal(content_of(dataclasses.replace(small, weights=weights), tmp_path))
    tensors = from_safetensors(content)
    assert "not a checkpoint of this app" in refusal(to_safetensors(tensors)), "without what says how to build it"


def test_size_is_limited(small, tmp_path):
    content = content_of(small, tmp_path)
    assert "larger than 0 MB" in refusal(content, most_bytes=len(content) - 1)


def test_a_record_that_no_run_leaves_is_refused_and_names_become_one_line(small, tmp_path):
    def with_record(**changes) -> bytes:
        return content_of(dataclasses.replace(small, record=dataclasses.replace(small.record, **changes)), tmp_path)

    assert "longer training record" in refusal(with_record(class_names=["x"] * 257))
    assert "longer training record" in refusal(with_record(history=[{"epoch": 1.0}] * 10_001))
    assert "does not know" in refusal(with_record(dataset="<img src=x onerror=alert(1)>"))
    odd = dataclasses.replace(small, train_config=dataclasses.replace(small.train_config, preset="[x](javascript:1)"))
    assert read_checkpoint(content_of(odd, tmp_path)).train_config.preset == "unknown"
    taken = read_checkpoint(with_record(class_names=["a\nb", "\u202ec", "x" * 500], dataset="own"))
    assert taken.record.class_names == ["a b", "c", "x" * 59 + "…"]


def test_a_slim_checkpoint_starts_a_run_from_its_weights_with_fresh_optimisers(small, take):
    data = take(70)
    begun = fresh_start(small.slim(), data, torch.device("cpu"))
    trainer = Trainer(data, small.model_config, small.train_config, resume=begun)
    assert trainer.step_count == 0
    assert trainer.history == []
    assert not trainer.generator_optimiser.state
    assert all(torch.equal(tensor, small.weights[name]) for name, tensor in trainer.model.state_dict().items())
    events = list(train(trainer))
    assert events[-1].losses.reconstruction < small.record.history[-1]["reconstruction"], "what was learned is not lost"
    assert trainer.checkpoint().record.epochs == 1


def test_a_checkpoint_that_does_not_say_how_it_was_trained_cannot_be_trained_on(small, take):
    with pytest.raises(TrainingError, match="does not say how"):
        fresh_start(Checkpoint.of(small.model()), take(70), torch.device("cpu"))


def test_the_record_as_json_has_every_setting_and_each_epoch(small, tmp_path):
    written = json.loads(record_json(small))
    assert written["train_config"] == dataclasses.asdict(small.train_config)
    assert written["model_config"]["hidden_dim"] == 16
    assert len(written["record"]["history"]) == 1
    assert json.loads(record_json(Checkpoint.of(small.model())))["record"] is None
    save_checkpoint(tmp_path / "again.safetensors", small)
    assert load_checkpoint(tmp_path / "again.safetensors").record == small.record
