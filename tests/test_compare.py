from __future__ import annotations

import json
from pathlib import Path

import pytest

from aae import compare as command
from aae.checkpoints import load_checkpoint
from aae.compare import main
from aae.comparison import Comparison, Spread, table
from aae.errors import AAEError, CheckpointError
from aae.evaluate import evaluate
from aae.evaluation import stored_evaluation
from aae.measures import MEASURES, Measure

TINY = ["--dataset", "digits-sample", "--preset", "reference", "--epochs", "1", "--hidden-dim", "16", "--latent-dim", "2"]


@pytest.fixture(scope="module", autouse=True)
def quick():
    """The slowest measures are left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aae.metrics.PARZEN_SAMPLES", 50)
        patch.setattr("aae.metrics.FLOORS", 2)
        patch.setattr("aae.metrics._told_apart", lambda z, draws, seed: {"two_sample": Measure(0.5)})
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Comparison, Path]:
    """A comparison on the sample by the command, and the folder of its trainings."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "shown").mkdir()
    flags = ["--work", str(folder), "--out", str(folder / "out.json"), "--models", str(folder / "shown")]
    assert main([*TINY, "--seeds", "2", *flags]) == 0
    return Comparison.from_json((folder / "out.json").read_text(encoding="utf-8")), folder


def test_every_objective_is_trained_with_every_seed_and_only_objective_and_seed_differ(made):
    comparison, folder = made
    assert comparison.seeds == [0, 1]
    configs = []
    for objective in ("ae", "vae", "aae"):
        for seed in (0, 1):
            checkpoint = load_checkpoint(folder / f"digits-sample-2d-{objective}-{seed}.safetensors")
            assert (checkpoint.train_config.objective, checkpoint.train_config.seed) == (objective, seed)
            configs.append({**vars(checkpoint.train_config), "objective": "", "seed": 0})
    assert all(config == configs[0] for config in configs)
    assert comparison.train_config["epochs"] == 1


def test_it_holds_every_measure_of_every_variant_and_standardising_keeps_the_reconstruction(made):
    comparison, _ = made
    assert list(comparison.variants) == ["ae", "ae-standardised", "vae", "aae", "aae-standardised"]
    for variant in comparison.variants.values():
        assert set(variant.measures) == set(MEASURES)
        assert variant.seconds.mean > 0
        assert variant.measures["l1"].spread > 0
    plain, standardised = comparison.variants["ae"], comparison.variants["ae-standardised"]
    assert standardised.standardised
    assert standardised.measures["l1"].mean == pytest.approx(plain.measures["l1"].mean, rel=1e-3)
    assert standardised.measures["variance_worst"].mean < 0.3 < plain.measures["variance_worst"].mean
    assert comparison.floors["ks_mean"].mean > 0
    assert comparison.floors["psnr"] is None


def test_the_table_has_a_row_for_every_measure_and_a_column_for_every_variant(made):
    printed = table(made[0])
    head = printed.splitlines()[2]
    assert [cell.strip() for cell in head.split("|")[2:-1]] == [*[v.title for v in made[0].variants.values()], "floor"]
    assert all(f"| {about.title} " in printed for about in MEASURES.values())
    assert "2 trainings (seeds 0, 1) of 1 epochs each" in printed


def test_finished_trainings_are_taken_up_and_others_are_not(made, monkeypatch):
    _, folder = made
    began = []

    def trainer(data, model_config, config):
        began.append((config.objective, config.seed, config.epochs))
        raise AAEError("stop here")

    monkeypatch.setattr(command, "Trainer", trainer)
    monkeypatch.setattr(command, "measured", lambda *a, **k: pytest.fail("measured again"))
    with pytest.raises(AAEError, match="stop here"):  # of two epochs: none of these
        main([*TINY, "--epochs", "2", "--work", str(folder)])
    with pytest.raises(AAEError, match="stop here"):  # a third seed: the six that are there, then a new one
        main([*TINY, "--seeds", "3", "--work", str(folder)])
    assert began == [("ae", 0, 2), ("ae", 2, 1)]


def test_an_interrupted_comparison_goes_on_where_it_stood_and_finds_the_same(made, tmp_path, monkeypatch, capsys):
    out, began = tmp_path / "compare.json", []
    train = command.train

    def interrupted(trainer):
        began.append((trainer.config.objective, trainer.config.seed))
        if len(began) == 3:
            raise KeyboardInterrupt
        return train(trainer)

    monkeypatch.setattr(command, "train", interrupted)
    assert main([*TINY, "--seeds", "2", "--out", str(out)]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not out.exists()
    assert len(list((tmp_path / "compare.runs").glob("*.safetensors"))) == 3  # two trainings, one of them standardised too
    assert main([*TINY, "--seeds", "2", "--out", str(out)]) == 0
    assert began[3:] == [("aae", 0), ("ae", 1), ("vae", 1), ("aae", 1)]
    assert [path.name for path in tmp_path.iterdir()] == ["compare.json"]
    found = Comparison.from_json(out.read_text(encoding="utf-8"))
    assert {key: variant.measures for key, variant in found.variants.items()} == {
        key: variant.measures for key, variant in made[0].variants.items()
    }
    assert found.floors == made[0].floors


def test_the_first_seeds_models_are_put_where_the_page_finds_them_with_codes_and_measures(made):
    _, folder = made
    paths = [folder / "shown" / f"digits-sample-2d-{objective}.safetensors" for objective in ("ae", "vae", "aae")]
    assert sorted((folder / "shown").glob("*.safetensors")) == sorted(paths)
    plain = stored_evaluation(paths[0])
    for path in paths:
        checkpoint, evaluation = load_checkpoint(path), stored_evaluation(path)
        assert (checkpoint.train_config.seed, len(checkpoint.codes), checkpoint.training) == (0, 500, {})
        assert evaluation.file == path.name
        assert evaluation.ceiling_of == ("" if path == paths[0] else paths[0].name)
        assert evaluation.quality.measures["l1"].ceiling == (None if path == paths[0] else plain.quality.measures["l1"].value)
        again = evaluate(path, ceiling=None if path == paths[0] else paths[0])
        assert again.quality.measures["l1"].value == pytest.approx(evaluation.quality.measures["l1"].value, rel=1e-5)
    assert all(path.stat().st_size < 8e6 for path in paths)


def test_a_spread_is_the_standard_deviation_of_one_training():
    assert Spread.of([1.0, 3.0]) == Spread(2.0, pytest.approx(2**0.5))
    assert Spread.of([4.0]) == Spread(4.0, 0.0)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"format": "aae-comparison", "format_version": 9})])
def test_what_is_no_comparison_is_refused_in_one_sentence(text):
    with pytest.raises(CheckpointError, match="not a comparison"):
        Comparison.from_json(text)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--seeds", "0"], "seeds"),
        (["--epochs", "0"], "epochs"),
        (["--work", "/nowhere"], "/nowhere"),
        (["--models", "/nowhere"], "--models"),
    ],
)
def test_a_bad_setting_is_one_sentence(flags, said):
    with pytest.raises(AAEError, match=said):
        main([*TINY, *flags])
