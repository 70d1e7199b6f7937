from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from aae import evaluate as command
from aae.checkpoints import Checkpoint, save_checkpoint
from aae.config import ModelConfig
from aae.errors import CheckpointError
from aae.evaluate import evaluate, main
from aae.evaluation import Evaluation, evaluation_path, shipped_ceiling, stored_evaluation, with_ceiling
from aae.measures import MEASURES
from aae.models import AAE
from aae.reconstruction import reconstruction_l1
from aae.tables import table
from aae.training import Trainer
from tests.runs import settings


def brief(path: Path, data, objective: str = "aae") -> Path:
    """A checkpoint of a model after one step."""
    posterior = "deterministic" if objective == "ae" else "gaussian"
    trainer = Trainer(data, ModelConfig(latent_dim=3, hidden_dim=32, posterior=posterior), settings(objective=objective))
    trainer.step()
    save_checkpoint(path, trainer.checkpoint())
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory, train_data) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("evaluate")
    return brief(folder / "model.safetensors", train_data), brief(folder / "plain.safetensors", train_data, "ae")


@pytest.fixture(scope="module")
def evaluation(files) -> Evaluation:
    """Of the model, with the plain autoencoder beside it; kept beside the model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aae.metrics.PARZEN_SAMPLES", 500)
        assert main([str(files[0]), "--ceiling", str(files[1]), "--store"]) == 0
    found = stored_evaluation(files[0])
    assert found is not None
    return found


def test_the_table_has_a_row_for_every_measure_with_floor_and_ceiling_and_says_what_it_used(evaluation):
    printed = table(evaluation)
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:5]] for cells in (r.split("|") for r in printed.splitlines()[2:])
    }
    for name, about in MEASURES.items():
        value, floor, ceiling = rows[about.title]
        found = evaluation.quality.measures[name]
        assert value.startswith(f"{found.value:.{about.digits}f}"), name
        assert (floor == "") == (found.floor is None)
        assert ceiling == f"{found.ceiling:.{about.digits}f}"
    assert "500 test images of Offline sample (5,000 MNIST digits), seed 0" in printed
    assert "`plain.safetensors`" in printed
    assert len({len(line) for line in printed.splitlines()[2:]}) == 1  # aligned, so that it reads on a terminal too


def test_the_ceiling_is_the_autoencoders_own_measure(files, evaluation, held_out):
    plain = AAE.load(files[1])
    assert evaluation.quality.measures["l1"].ceiling == pytest.approx(reconstruction_l1(plain, held_out), rel=1e-4)
    assert evaluation.quality.measures["l1"].value != evaluation.quality.measures["l1"].ceiling
    assert evaluation.ceiling_of == files[1].name


def test_as_json_the_command_prints_one_object_that_reads_back(files, evaluation, capsys):
    assert main([str(files[0]), "--stored", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert Evaluation.from_json(line) == evaluation
    assert json.loads(line)["quality"]["measures"]["l1"]["value"] == evaluation.quality.measures["l1"].value


def test_a_stored_evaluation_of_other_weights_is_not_found(files, evaluation, tmp_path, train_data):
    other = tmp_path / "model.safetensors"
    evaluation_path(other).write_text(evaluation.to_json(), encoding="utf-8")
    other.write_bytes(files[0].read_bytes())
    assert stored_evaluation(other) == evaluation
    brief(other, train_data, "vae")
    assert stored_evaluation(other) is None
    with pytest.raises(CheckpointError, match="no evaluation of these weights"):
        main([str(other), "--stored"])


@pytest.mark.parametrize("change", [{"format": "other"}, {"format_version": 2}, {"quality": {}}, {"colour": "red"}, None])
def test_what_is_no_stored_evaluation_is_refused_in_one_sentence(evaluation, change):
    text = "[]" if change is None else json.dumps({**json.loads(evaluation.to_json()), **change})
    with pytest.raises(CheckpointError, match="not a stored evaluation") as caught:
        Evaluation.from_json(text)
    assert len(str(caught.value).splitlines()) == 1


def test_the_shipped_autoencoder_of_the_same_size_and_images_is_the_ceiling(evaluation, tmp_path):
    quality = evaluation.quality
    assert shipped_ceiling(quality, tmp_path) is None
    wider = dataclasses.replace(evaluation, file="wider", quality=dataclasses.replace(quality, hidden_dim=64))
    (tmp_path / "a-ae.evaluation.json").write_text(wider.to_json(), encoding="utf-8")
    assert shipped_ceiling(quality, tmp_path) is None
    (tmp_path / "b-ae.evaluation.json").write_text(evaluation.to_json(), encoding="utf-8")
    found = shipped_ceiling(quality, tmp_path)
    assert found == evaluation
    assert with_ceiling(quality, found.quality).measures["l1"].ceiling == quality.measures["l1"].value


def test_a_table_is_written_between_its_marks_and_nowhere_else(files, evaluation, tmp_path):
    card = tmp_path / "card.md"
    marks = "<!-- evaluation of {} -->\nold\n<!-- end -->\n"
    empty = "<!-- evaluation of model -->\n<!-- end -->\n"
    card.write_text("# Card\n" + marks.format("other") + empty + "the end\n", encoding="utf-8")
    for _ in range(2):  # the second time finds what the first wrote
        assert main([str(files[0]), "--stored", "--card", str(card)]) == 0
    written = card.read_text(encoding="utf-8")
    assert written.startswith("# Card\n" + marks.format("other"))
    assert f"<!-- evaluation of model -->\n\n{table(evaluation)}\n\n<!-- end -->\nthe end\n" in written
    card.write_text("# Card\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="no place for model"):
        main([str(files[0]), "--stored", "--card", str(card)])


def test_a_table_made_at_once_is_the_one_made_of_what_is_kept(files, evaluation, monkeypatch, capsys):
    precision = dataclasses.replace(evaluation.quality.measures["precision_samples"], floor=0.8744996)  # kept as 0.8745
    measures = {**evaluation.quality.measures, "precision_samples": precision}
    found = dataclasses.replace(evaluation, quality=dataclasses.replace(evaluation.quality, measures=measures))
    monkeypatch.setattr(command, "evaluate", lambda *_: found)
    assert main([str(files[0])]) == 0
    assert capsys.readouterr().out.strip() == table(Evaluation.from_json(found.to_json()))
    assert table(found) != table(Evaluation.from_json(found.to_json()))


SHIPPED = Path(__file__).parents[1] / "checkpoints"
MODELS = sorted(path.name.partition(".")[0] for path in SHIPPED.glob("*.evaluation.json"))


@pytest.mark.parametrize("name", MODELS)
def test_a_shipped_models_stored_evaluation_is_of_these_weights_and_its_table_stands_in_the_card(name):
    stored = stored_evaluation(SHIPPED / f"{name}.safetensors")
    assert stored is not None, f"run python -m aae evaluate checkpoints/{name}.safetensors --store --card checkpoints/README.md"
    assert (stored.quality.images, stored.quality.notice) == (10_000, "")
    assert table(stored) in (SHIPPED / "README.md").read_text(encoding="utf-8")


def test_a_checkpoint_without_a_record_cannot_be_measured(tmp_path):
    save_checkpoint(tmp_path / "bare.safetensors", Checkpoint.of(AAE(ModelConfig(hidden_dim=32))))
    with pytest.raises(CheckpointError, match="what it was trained on"):
        evaluate(tmp_path / "bare.safetensors")


def test_a_model_of_images_that_are_not_at_hand_is_measured_on_the_sample_and_says_so(
    tmp_path, train_data, capsys, monkeypatch, evaluation
):
    def measuring(model, held_out, train, classifier, seed, known):
        assert (held_out.dataset, train.dataset, len(held_out)) == ("digits-sample", "digits-sample", 500)
        yield dataclasses.replace(evaluation.quality, notice=held_out.notice)

    monkeypatch.setattr(command, "measuring", measuring)
    (tmp_path / "file").touch()  # a folder that cannot be made: fails without asking the network
    path = brief(tmp_path / "model.safetensors", dataclasses.replace(train_data, dataset="mnist"))
    assert main([str(path), "--data-dir", str(tmp_path / "file" / "data")]) == 0
    out, err = capsys.readouterr()
    assert "offline sample" in err
    assert "may have been trained on some of them" in err
    assert "offline sample" in out
