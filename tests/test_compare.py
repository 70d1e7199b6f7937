from __future__ import annotations

import json

import pytest

from aae import compare as command
from aae.checkpoints import load_checkpoint
from aae.compare import Comparison, Spread, main, table
from aae.errors import AAEError, CheckpointError
from aae.measures import MEASURES, Measure

TINY = ["--dataset", "digits-sample", "--preset", "reference", "--epochs", "1", "--hidden-dim", "16", "--latent-dim", "2"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Comparison, object]:
    """A comparison on the sample by the command, and the folder of its trainings; the slowest measures are left out."""
    folder = tmp_path_factory.mktemp("compare")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aae.metrics.PARZEN_SAMPLES", 50)
        patch.setattr("aae.metrics.FLOORS", 2)
        patch.setattr("aae.metrics._told_apart", lambda z, draws, seed: {"two_sample": Measure(0.5)})
        assert main([*TINY, "--seeds", "2", "--work", str(folder), "--out", str(folder / "out.json")]) == 0
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
        began.append(config.objective)
        raise AAEError("stop here")

    monkeypatch.setattr(command, "Trainer", trainer)
    monkeypatch.setattr(command, "measure", lambda *a, **k: pytest.fail("measured"))
    with pytest.raises(AAEError, match="stop here"):  # of two epochs: none of these
        main([*TINY, "--epochs", "2", "--work", str(folder)])
    assert began == ["ae"]
    monkeypatch.setattr(command, "measure", lambda *a, **k: made[0])
    monkeypatch.setattr(command, "standardise", lambda *a: None)
    with pytest.raises(AAEError, match="stop here"):  # a third seed: the six that are there, then a new one
        main([*TINY, "--seeds", "3", "--work", str(folder)])
    assert began == ["ae", "ae"]


def test_a_spread_is_the_standard_deviation_of_one_training():
    assert Spread.of([1.0, 3.0]) == Spread(2.0, pytest.approx(2**0.5))
    assert Spread.of([4.0]) == Spread(4.0, 0.0)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"format": "aae-comparison", "format_version": 9})])
def test_what_is_no_comparison_is_refused_in_one_sentence(text):
    with pytest.raises(CheckpointError, match="not a comparison"):
        Comparison.from_json(text)


@pytest.mark.parametrize(
    ("flags", "said"), [(["--seeds", "0"], "seeds"), (["--epochs", "0"], "epochs"), (["--work", "/nowhere"], "/nowhere")]
)
def test_a_bad_setting_is_one_sentence(flags, said):
    with pytest.raises(AAEError, match=said):
        main([*TINY, *flags])
