"""A checkpoint reads back as it was; a file that is not a good one is refused with one sentence."""

from __future__ import annotations

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from aae.checkpoints import Checkpoint, Record, load_checkpoint, save_checkpoint, write_atomically
from aae.config import ModelConfig, TrainConfig
from aae.errors import CheckpointError
from aae.latent import with_held_out
from aae.training import Trainer


@pytest.fixture(scope="module")
def small(take) -> Checkpoint:
    """A small model after two steps, with training state and codes."""
    trainer = Trainer(take(64), ModelConfig(hidden_dim=16), TrainConfig(dataset="digits-sample", batch_size=32))
    trainer.step()
    trainer.step()
    return with_held_out(trainer.checkpoint({"test_l1": 0.25}), take(40))


@pytest.fixture
def file(small, tmp_path) -> Path:
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, small)
    return path


def parts(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    with safe_open(path, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}, dict(opened.metadata())  # noqa: SIM118


def refusal(path: Path) -> str:
    """The sentence with which a file is refused."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")
    assert len(sentence) < 400
    return sentence


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype
        assert torch.equal(tensor, other[name]), name


def test_everything_reads_back_as_it_was(small, file):
    loaded = load_checkpoint(file)
    assert_same(loaded.weights, small.weights)
    assert_same(loaded.training, small.training)
    assert torch.equal(loaded.codes, small.codes)
    assert torch.equal(loaded.labels, small.labels)
    assert loaded.model_config == small.model_config
    assert loaded.train_config == small.train_config
    assert loaded.record == small.record
    assert loaded.record.metrics == {"test_l1": 0.25}
    assert loaded.record.dataset == "digits-sample"


def test_a_bare_model_reads_back_without_record_codes_or_training(small, tmp_path):
    save_checkpoint(tmp_path / "bare.safetensors", Checkpoint.of(small.model()))
    loaded = load_checkpoint(tmp_path / "bare.safetensors")
    assert_same(loaded.weights, small.weights)
    assert (loaded.record, loaded.train_config, loaded.codes, loaded.labels, loaded.training) == (None, None, None, None, {})


def test_the_file_names_its_format_and_holds_only_json_beside_the_tensors(file):
    tensors, metadata = parts(file)
    assert metadata["format"] == "aae"
    assert metadata["format_version"].isdigit()
    for key in ("model_config", "train_config", "record"):
        assert isinstance(json.loads(metadata[key]), dict)
    assert (tensors["codes"].dtype, tensors["labels"].dtype) == (torch.float16, torch.uint8)


def test_a_checkpoint_of_a_model_is_a_copy(small):
    model = small.model()
    copied = Checkpoint.of(model)
    before = copied.weights["encoder.mean.weight"].clone()
    with torch.no_grad():
        model.encoder.mean.weight.add_(1)
    assert torch.equal(copied.weights["encoder.mean.weight"], before)
    assert not small.model().training


def test_slim_leaves_out_the_training_state_and_a_good_part_of_the_size(trained, trained_file, tmp_path):
    slim = trained.slim()
    save_checkpoint(tmp_path / "slim.safetensors", slim)
    assert slim.training == {}
    assert trained.training
    assert dataclasses.replace(slim, training=trained.training) == trained
    assert (tmp_path / "slim.safetensors").stat().st_size < 0.4 * trained_file.stat().st_size
    assert load_checkpoint(tmp_path / "slim.safetensors").record == trained.record


def test_a_checkpoint_can_be_pickled_for_a_session(small):
    again = pickle.loads(pickle.dumps(small))
    assert_same(again.weights, small.weights)
    assert again.record == small.record


# Writing


def test_a_file_is_replaced_by_the_new_one(small, file):
    save_checkpoint(file, small.slim())
    assert load_checkpoint(file).training == {}
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(step, small, file, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    before = file.read_bytes()
    monkeypatch.setattr(*{"fsync": ("os.fsync", full), "replace": (Path, "replace", full)}[step])
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left on device\)"):
        save_checkpoint(file, small.slim())
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(file, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    before = file.read_bytes()
    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(file, b"new")
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("where", ["missing/model.safetensors", "file/model.safetensors", "folder"])
def test_a_place_that_cannot_be_written_to_is_one_sentence(where, small, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(CheckpointError, match="cannot be written") as caught:
        save_checkpoint(tmp_path / where, small)
    assert len(str(caught.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


# Reading what is no checkpoint


class Forbidden:
    def __reduce__(self):
        return (print, ("a checkpoint must never be unpickled",))


CONTENTS = {
    "empty": lambda good: b"",
    "text": lambda good: b"This is not a checkpoint.\n" * 10,
    "pickle": lambda good: pickle.dumps({"weights": Forbidden()}),
    "truncated": lambda good: good[: len(good) // 2],
    "truncated header": lambda good: good[:100],
    "header only": lambda good: good[:8],
    "longer than it says": lambda good: good + b"more",
    "huge header": lambda good: b"\xff" * 8 + good[8:],
    "noise": lambda good: np.random.default_rng(0).bytes(5000),
}


@pytest.mark.parametrize("content", CONTENTS)
def test_a_file_that_is_no_safetensors_file_is_refused(content, file, capfd):
    file.write_bytes(CONTENTS[content](file.read_bytes()))
    assert refusal(file) == "small.safetensors is damaged or not a safetensors file; choose another one."
    assert capfd.readouterr() == ("", "")


def test_a_torch_file_is_refused_without_being_unpickled(tmp_path, capfd):
    torch.save({"weights": Forbidden()}, tmp_path / "model.pt")
    assert "not a safetensors file" in refusal(tmp_path / "model.pt")
    assert capfd.readouterr() == ("", "")


def test_a_file_of_before_inputs_could_be_centred_opens_as_it_was(trained_file, tmp_path):
    tensors, metadata = parts(trained_file)
    centre = tensors.pop("model.encoder.centre")
    save_file(tensors, tmp_path / "old.safetensors", metadata)
    assert torch.equal(load_checkpoint(tmp_path / "old.safetensors").weights["encoder.centre"], centre)
    assert not centre.any()


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "There is no checkpoint at" in refusal(tmp_path / "missing.safetensors")
    refusal(tmp_path)


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_a_foreign_safetensors_file_is_refused(metadata, tmp_path):
    save_file({"weight": torch.zeros(3)}, tmp_path / "foreign.safetensors", metadata)
    assert "not a checkpoint of this app" in refusal(tmp_path / "foreign.safetensors")


def test_a_file_larger_than_any_checkpoint_is_refused_unread(tmp_path):
    with (tmp_path / "large.safetensors").open("wb") as large:
        large.truncate(600 * 2**20)  # sparse: takes no room
    assert "larger than any checkpoint" in refusal(tmp_path / "large.safetensors")


# Reading a checkpoint with something wrong in it

WEIGHT = "model.encoder.mean.weight"


def poke(name: str, value: float):
    def change(tensors, metadata):
        tensors[name].view(-1)[0] = value

    return change


def put(name: str, tensor: torch.Tensor):
    return lambda tensors, metadata: tensors.update({name: tensor})


def say(key: str, text: str):
    return lambda tensors, metadata: metadata.update({key: text})


def drop(name: str):
    return lambda tensors, metadata: (tensors if name in tensors else metadata).pop(name)


def setting(key: str, **values):
    """Change entries of a JSON object in the metadata."""

    def change(tensors, metadata):
        metadata[key] = json.dumps({**json.loads(metadata[key]), **values})

    return change


WRONG = {
    "weight of another shape": (put(WEIGHT, torch.zeros(10, 17)), "encoder.mean.weight"),
    "weight of another type": (put(WEIGHT, torch.zeros(10, 16, dtype=torch.float16)), "encoder.mean.weight"),
    "weight missing": (drop(WEIGHT), "encoder.mean.weight"),
    "weight too many": (put("model.encoder.extra", torch.zeros(2)), "encoder.extra"),
    "foreign tensor": (put("malware", torch.zeros(2)), "malware"),
    "foreign tensor with a line break in its name": (put("two\nlines", torch.zeros(2)), "belong"),
    "NaN weight": (poke(WEIGHT, float("nan")), "not finite"),
    "infinite weight": (poke("model.decoder.layers.0.bias", float("inf")), "not finite"),
    "negative variance": (poke("model.decoder.layers.3.running_var", -1.0), "negative"),
    "config of another size": (setting("model_config", hidden_dim=32), "settings"),
    "config out of range": (setting("model_config", latent_dim=1000), "latent_dim"),
    "config unknown setting": (setting("model_config", colour="red"), "colour"),
    "config with a line break": (setting("model_config", **{"two\nlines": 1}), "unknown"),
    "config missing": (drop("model_config"), "JSON"),
    "config no JSON": (say("model_config", "{"), "JSON"),
    "config deep JSON": (say("model_config", "[" * 100_000), "JSON"),
    "config huge number": (setting("model_config", latent_dim=10**400), "latent_dim"),
    "config number of too many digits": (say("model_config", '{"latent_dim": 1' + "0" * 5000 + "}"), "JSON"),
    "train config no JSON": (say("train_config", "None"), "JSON"),
    "train config NaN": (setting("train_config", learning_rate=float("nan")), "learning_rate"),
    "record no JSON": (say("record", "}"), "record"),
    "record not whole": (say("record", '{"dataset": "mnist"}'), "record"),
    "record with text for a number": (setting("record", epochs="many"), "record"),
    "record with NaN": (setting("record", metrics={"test_l1": float("nan")}), "record"),
    "record with classes that are no list": (setting("record", class_names="0123456789"), "record"),
    "newer format": (say("format_version", "2"), "format '2'"),
    "newer format in two lines": (say("format_version", "2\nfoo"), "format"),
    "no format version": (drop("format_version"), "format"),
    "codes of another size": (put("codes", torch.zeros(40, 9, dtype=torch.float16)), "codes"),
    "codes of another number": (put("codes", torch.zeros(39, 10, dtype=torch.float16)), "codes"),
    "codes of another type": (put("codes", torch.zeros(40, 10)), "codes"),
    "codes NaN": (poke("codes", float("nan")), "codes"),
    "codes without labels": (drop("labels"), "without"),
    "labels without codes": (drop("codes"), "without"),
    "labels of no class": (poke("labels", 10), "labels"),
    "codes without record": (drop("record"), "without"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_checkpoint_with_something_wrong_is_refused_by_name(wrong, file):
    change, named = WRONG[wrong]
    tensors, metadata = parts(file)
    change(tensors, metadata)
    save_file(tensors, file, metadata)
    sentence = refusal(file)
    assert sentence.startswith("small.safetensors")
    assert named in sentence


def test_a_record_reads_back_and_refuses_what_it_does_not_know(small):
    assert Record.from_json(small.record.to_json()) == small.record
    with pytest.raises(CheckpointError, match="fields"):
        Record.from_json(json.dumps({**json.loads(small.record.to_json()), "note": "hello"}))
