"""The command line trains, resumes and tells; an error of the user's is one sentence and exit status 2."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from aae import AAE
from aae.__main__ import main
from aae.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from tests.zips import digits, zipped

ROOT = Path(__file__).parents[1]
SMALL = ["train", "--dataset", "digits-sample", "--hidden-dim", "16", "--batch-size", "256", "--device", "cpu"]


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("main") / "one.safetensors"
    assert main([*SMALL, "--epochs", "1", "--seed", "7", "--out", str(path)]) == 0
    return path


def test_ctrl_c_in_a_command_that_keeps_nothing_is_one_line_and_status_130(monkeypatch, capsys):
    def stopped(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("aae.evaluate.main", stopped)
    assert main(["evaluate", "any.safetensors"]) == 130
    assert capsys.readouterr().err == "aae: interrupted.\n"


@pytest.fixture
def copied(one_epoch, tmp_path) -> Path:
    path = tmp_path / "one.safetensors"
    path.write_bytes(one_epoch.read_bytes())
    return path


def sentence_of(arguments: list, capsys) -> str:
    """What a failing command says: one line on standard error, nothing on standard output."""
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("aae: ")
    assert len(err.splitlines()) == 1
    return err


def run(*arguments: str, **options) -> subprocess.Popen:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-m", "aae", *arguments], env=environment, **pipes, **options)


def test_train_writes_a_checkpoint_with_settings_record_codes_and_metrics(one_epoch):
    checkpoint = load_checkpoint(one_epoch)
    config, record = checkpoint.train_config, checkpoint.record
    assert (config.dataset, config.preset) == ("digits-sample", "reference")
    assert (config.epochs, config.seed, config.batch_size) == (1, 7, 256)
    assert (checkpoint.model_config.hidden_dim, checkpoint.model_config.latent_dim) == (16, 10)
    assert (record.dataset, record.epochs, len(record.history)) == ("digits-sample", 1, 1)
    assert 0 < record.metrics["test_l1"] < 1
    assert checkpoint.codes.shape == (500, 10)
    assert checkpoint.training
    assert AAE.load(one_epoch).encode(torch.zeros(2, 1, 32, 32)).shape == (2, 10)


def test_json_is_one_object_an_epoch_and_nothing_else_on_standard_output(tmp_path, capsys):
    assert main([*SMALL, "--epochs", "2", "--json", "--slim", "--out", str(tmp_path / "a.safetensors")]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["epoch"] for row in rows] == [1, 2]
    assert {"reconstruction", "adversarial", "discriminator", "discriminator_accuracy", "seconds"} <= rows[0].keys()
    assert rows[1]["reconstruction"] < rows[0]["reconstruction"]
    assert not load_checkpoint(tmp_path / "a.safetensors").training


def test_without_json_each_epoch_is_a_line_and_the_end_names_the_file(tmp_path, capsys):
    out = tmp_path / "a.safetensors"
    assert main([*SMALL, "--epochs", "2", "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert [line.split()[:2] for line in told.out.splitlines() if line.strip()] == [["epoch", "1/2"], ["epoch", "2/2"]]
    assert str(out) in told.err.splitlines()[-1]


def test_the_default_file_is_named_after_data_and_size_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--epochs", "1", "--latent-dim", "3", "--slim"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["digits-sample-3d.safetensors"]


def test_resume_goes_on_in_the_same_file_exactly_as_if_never_stopped(copied, tmp_path):
    assert main(["train", "--resume", str(copied), "--epochs", "1", "--device", "cpu"]) == 0
    whole = tmp_path / "whole.safetensors"
    assert main([*SMALL, "--epochs", "2", "--seed", "7", "--out", str(whole)]) == 0
    resumed, straight = load_checkpoint(copied), load_checkpoint(whole)
    assert resumed.train_config == straight.train_config
    assert [row["epoch"] for row in resumed.record.history] == [1, 2]
    for name, tensor in {**straight.weights, **straight.training}.items():
        assert torch.equal(tensor, {**resumed.weights, **resumed.training}[name]), name


def test_resume_can_write_elsewhere_and_leaves_the_first_file_alone(copied, tmp_path):
    before = copied.read_bytes()
    assert (
        main(["train", "--resume", str(copied), "--epochs", "1", "--device", "cpu", "--out", str(tmp_path / "b.safetensors")])
        == 0
    )
    assert copied.read_bytes() == before
    assert load_checkpoint(tmp_path / "b.safetensors").record.epochs == 2


def test_resume_says_what_it_cannot_do(copied, tmp_path, capsys):
    assert "is finished; say how many more" in sentence_of(["train", "--resume", copied], capsys)
    changed = sentence_of(["train", "--resume", copied, "--epochs", "1", "--seed", "3", "--hidden-dim", "32"], capsys)
    assert "keeps its settings; leave out hidden_dim, seed" in changed
    checkpoint = load_checkpoint(copied)
    save_checkpoint(tmp_path / "slim.safetensors", checkpoint.slim())
    slim = sentence_of(["train", "--resume", tmp_path / "slim.safetensors", "--epochs", "1"], capsys)
    assert "no training state" in slim
    save_checkpoint(tmp_path / "bare.safetensors", Checkpoint.of(checkpoint.model()))
    bare = sentence_of(["train", "--resume", tmp_path / "bare.safetensors", "--epochs", "1"], capsys)
    assert "does not say how it was trained" in bare
    missing = sentence_of(["train", "--resume", tmp_path / "missing.safetensors"], capsys)
    assert "There is no checkpoint at" in missing


def test_info_says_what_a_checkpoint_holds(trained_file, capsys):
    assert main(["info", str(trained_file)]) == 0
    told = capsys.readouterr().out
    for fact in ("latent_dim: 10", "dataset: digits-sample", "codes: 500", "resumable: True", "epochs: 1"):
        assert fact in told


def test_info_as_json_is_one_object(trained_file, capsys):
    assert main(["info", str(trained_file), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    summary = json.loads(line)
    assert summary["bytes"] == trained_file.stat().st_size
    assert summary["parameters"] == 1_730_581
    assert summary["model_config"]["latent_dim"] == 10
    assert summary["record"]["dataset"] == "digits-sample"


def test_info_on_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("hello")
    assert "not a safetensors file" in sentence_of(["info", tmp_path / "notes.txt"], capsys)
    assert "There is no checkpoint" in sentence_of(["info", tmp_path / "missing"], capsys)


BAD_SETTINGS = [
    (["--epochs", "0"], "epochs"),
    (["--latent-dim", "1"], "latent_dim"),
    (["--batch-size", "1"], "batch_size"),
    (["--learning-rate", "nan"], "learning_rate"),
    (["--seed", "-1"], "seed"),
    (["--device", "gpu"], "device"),
]


@pytest.mark.parametrize(("flags", "named"), BAD_SETTINGS, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_bad_setting_is_one_sentence_that_names_it(flags, named, tmp_path, capsys):
    assert named in sentence_of([*SMALL, "--epochs", "1", "--out", tmp_path / "a.safetensors", *flags], capsys)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "flags", [["--dataset", "imagenet"], ["--preset", "best-ever"], ["--epochs", "many"], ["--colour", "red"]]
)
def test_an_unknown_choice_is_refused_by_the_parser(flags, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", *flags])
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert flags[0] in err.splitlines()[-1]
    assert "Traceback" not in err


@pytest.mark.parametrize("where", ["missing/a.safetensors", "file/a.safetensors", "folder"])
def test_a_place_that_cannot_be_written_to_is_found_out_before_training(where, tmp_path, capsys, monkeypatch):
    def train(*arguments):
        pytest.fail("trained before looking")

    monkeypatch.setattr("aae.__main__.train", train)
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    sentence_of([*SMALL, "--epochs", "1", "--out", tmp_path / where], capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_failed_download_trains_on_the_offline_sample_and_says_so(tmp_path, capsys):
    (tmp_path / "file").touch()  # a folder that cannot be made: fails without asking the network
    out = tmp_path / "a.safetensors"
    flags = ["--dataset", "mnist", "--data-dir", str(tmp_path / "file" / "data"), "--epochs", "1", "--out", str(out)]
    assert main([*SMALL, *flags]) == 0
    assert "offline sample" in capsys.readouterr().err
    assert load_checkpoint(out).record.dataset == "digits-sample"


def test_a_run_that_diverges_keeps_its_last_good_weights_and_exits_2(tmp_path, capsys):
    out = tmp_path / "a.safetensors"
    flags = ["--epochs", "1", "--learning-rate", "1.0", "--batch-size", "64", "--hidden-dim", "512", "--out", str(out)]
    assert main([*SMALL, *flags]) == 2
    err = capsys.readouterr().err
    assert "diverged" in err.splitlines()[-1]
    assert "Traceback" not in err
    AAE.load(out)


def test_as_a_program_an_error_is_one_line_and_status_2(tmp_path):
    process = run("info", str(tmp_path / "missing.safetensors"))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("aae: There is no checkpoint at")
    assert len(err.splitlines()) == 1


def test_ctrl_c_saves_a_checkpoint_that_can_be_resumed_and_exits_130(tmp_path):
    out = tmp_path / "a.safetensors"
    process = run(*SMALL, "--epochs", "10000", "--json", "--out", str(out))
    try:
        first = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert first["epoch"] == 1
    checkpoint = load_checkpoint(out)
    assert 1 <= checkpoint.record.epochs < 10_000
    assert checkpoint.training
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_own_images_are_trained_on_and_resumed_with_their_zip(take, tmp_path, capsys):
    zip_file, out = tmp_path / "digits.zip", tmp_path / "own.safetensors"
    zip_file.write_bytes(zipped(digits(take(60))))
    small = ["train", "--data", str(zip_file), "--hidden-dim", "16", "--batch-size", "16", "--device", "cpu", "--epochs", "1"]
    assert main([*small, "--out", str(out)]) == 0
    assert "60 images in 10 classes" in capsys.readouterr().err
    checkpoint = load_checkpoint(out)
    assert (checkpoint.train_config.dataset, checkpoint.record.dataset) == ("own", "own")
    assert checkpoint.record.class_names == list("0123456789")
    assert len(checkpoint.codes) > 0
    resume = ["train", "--resume", out, "--epochs", "1", "--device", "cpu"]
    assert "name it with --data" in sentence_of(resume, capsys)
    assert main([str(part) for part in [*resume, "--data", zip_file]]) == 0
    assert load_checkpoint(out).record.epochs == 2


def test_own_images_and_a_data_set_do_not_go_together(copied, tmp_path, capsys):
    assert "not both" in sentence_of([*SMALL, "--data", tmp_path / "a.zip"], capsys)
    assert "was on Offline sample" in sentence_of(["train", "--resume", copied, "--epochs", "1", "--data", "a.zip"], capsys)
    assert "There is no zip at" in sentence_of(["train", "--data", tmp_path / "a.zip"], capsys)
    (tmp_path / "a.zip").write_bytes(b"no zip")
    assert "not a zip" in sentence_of(["train", "--data", tmp_path / "a.zip"], capsys)
    with pytest.raises(SystemExit):
        main(["train", "--dataset", "own"])
