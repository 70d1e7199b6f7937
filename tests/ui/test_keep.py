"""A visitor's model can be taken away and brought back; an upload replaces it only if it is good."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from aae.checkpoints import load_checkpoint, save_checkpoint
from aae.errors import AAEError
from aae.ui import keep
from aae.ui.components import ASSETS
from aae.ui.keep import KINDS, decoder_page, download, take_checkpoint
from aae.ui.session import Visitor
from aae.ui.training_run import resumable, run
from tests.ui.tab import finish


@pytest.fixture
def owner(shelf, trained):
    visitor = Visitor()
    visitor.keep(shelf.own(trained))
    yield visitor
    visitor.close()


def path_of(value: dict) -> Path:
    return Path(unquote(value["url"].partition("file=")[2]))


def test_downloads_are_the_model_its_record_and_its_decoder(owner, shelf, trained):
    files = {kind: download(owner, shelf, kind) for kind in KINDS}
    assert {kind: value["name"] for kind, value in files.items()} == {
        "checkpoint": "aae-digits-sample-10d.safetensors",
        "record": "aae-digits-sample-10d.json",
        "decoder": "aae-digits-sample-10d.bin",
        "page": "aae-digits-sample-10d.html",
    }
    assert load_checkpoint(path_of(files["checkpoint"])).training.keys() == trained.training.keys()
    assert json.loads(path_of(files["record"]).read_text())["record"] == dataclasses.asdict(trained.record)
    assert path_of(files["decoder"]).read_bytes() == owner.own.weights.read_bytes()
    assert files["checkpoint"]["about"].endswith(" MB")


def test_files_have_names_that_nobody_guesses_and_go_with_the_visitor(owner, shelf):
    paths = [path_of(download(owner, shelf, kind)) for kind in KINDS]
    (folder,) = {path.parent for path in paths}
    assert folder.parent == shelf.folder
    assert re.fullmatch("[0-9a-f]{32}", folder.name)
    owner.close()
    assert not list(shelf.folder.glob(f"{folder.name}*"))


def test_nobody_downloads_what_is_not_theirs(owner, shelf):
    for kind in (*KINDS, "../secret", "", None):
        with pytest.raises(AAEError):
            download(Visitor(), shelf, kind)
    with pytest.raises(AAEError, match="no such file"):
        download(owner, shelf, "../secret")


def test_full_disk_is_told_and_leaves_nothing_half_written(owner, shelf, monkeypatch):
    def full(*args, **options):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keep, "record_json", full)
        with pytest.raises(AAEError, match="no room"):
            download(owner, shelf, "record")
    assert json.loads(path_of(download(owner, shelf, "record")).read_text())


def test_page_of_the_decoder_needs_nothing_from_elsewhere(owner):
    page = decoder_page(owner.own.weights.read_bytes())
    assert "class Network" in page
    assert "export " not in page.partition("<script")[2]
    assert "/*" not in page.partition("<script")[2].replace("/* ", ""), "both places are filled"
    assert not any(word in page for word in ("http:", "https:", "src=", "import "))
    assert (ASSETS / "decoder-page.html").stat().st_size < len(page)


def test_upload_becomes_the_visitors_model_with_its_training_state(shelf, trained, trained_file):
    visitor = Visitor()
    assert "exactly where it stood" in take_checkpoint(visitor, shelf, trained_file.read_bytes())
    assert visitor.own.title == "Your model"
    assert visitor.own.checkpoint.record == trained.record
    assert visitor.own.checkpoint.training.keys() == trained.training.keys()
    visitor.close()


def test_upload_without_training_state_or_settings_says_what_follows(shelf, trained, tmp_path):
    visitor, path = Visitor(), tmp_path / "a.safetensors"
    save_checkpoint(path, trained.slim())
    assert "fresh optimisers, from epoch 0" in take_checkpoint(visitor, shelf, path.read_bytes())
    bare = dataclasses.replace(trained.slim(), train_config=None)
    save_checkpoint(path, bare)
    assert "not trained on" in take_checkpoint(visitor, shelf, path.read_bytes())
    visitor.close()


def test_training_goes_on_from_the_weights_of_an_upload_without_training_state(shelf, trained, tmp_path):
    visitor, path = Visitor(), tmp_path / "a.safetensors"
    save_checkpoint(path, trained.slim())
    take_checkpoint(visitor, shelf, path.read_bytes())
    assert resumable(visitor).record.epochs == 0
    settings = {"dataset": "mnist", "preset_name": "fast", "epochs": 9, "latent_dim": 2, "seed": 5}
    views = finish(run(visitor, shelf, **settings, action="epoch"))
    assert views[-1].status["state"] == "done", views[-1].status["text"]
    record = visitor.own.checkpoint.record
    assert (record.epochs, record.dataset, visitor.own.latent_dim) == (1, "digits-sample", 10), "the upload's settings"
    assert record.history[0]["reconstruction"] < trained.record.history[0]["reconstruction"], "and not from scratch"
    visitor.close()


@pytest.mark.parametrize("content", [None, "a path", [], b"", b"no checkpoint", b"PK\x03\x04"])
def test_upload_that_is_not_good_leaves_the_model_as_it_was(content, owner, shelf):
    before = owner.own
    with pytest.raises(AAEError) as caught:
        take_checkpoint(owner, shelf, content)
    assert str(caught.value).endswith(".")
    assert owner.own is before
    assert owner.own.weights.exists()


def test_upload_waits_for_the_end_of_a_run(owner, shelf, trained_file):
    before = owner.own
    assert owner.begin()
    with pytest.raises(AAEError, match="under way"):
        take_checkpoint(owner, shelf, trained_file.read_bytes())
    assert owner.own is before
