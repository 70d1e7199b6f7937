from __future__ import annotations

import json

import pytest

from aae.checkpoints import save_checkpoint
from aae.comparison import OBJECTIVES, Comparison, Spread, Variant, about_comparison
from aae.config import ModelConfig
from aae.latent import with_held_out
from aae.measures import MEASURES
from aae.objectives import POSTERIORS
from aae.training import Trainer
from aae.ui.compare_panel import compared, comparison_table, latent_value, samples_value
from aae.ui.session import Shelf
from tests.runs import settings


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, train_data, held_out):
    """A plain, a variational and three adversarial models of one size, one trained for longer, and one of another size."""
    folder = tmp_path_factory.mktemp("three")
    for name, objective, latent_dim in (
        ("a-3d", "aae", 3),
        ("a-3d-aae", "aae", 3),
        ("a-3d-longer-aae", "aae", 3),
        ("a-3d-ae", "ae", 3),
        ("a-3d-vae", "vae", 3),
        ("b-2d-ae", "ae", 2),
    ):
        config = ModelConfig(latent_dim=latent_dim, hidden_dim=32, posterior=POSTERIORS.get(objective, "gaussian"))
        trainer = Trainer(train_data, config, settings(objective=objective))
        for _ in range(1 + ("longer" in name)):
            trainer.step()
        save_checkpoint(folder / f"{name}.safetensors", with_held_out(trainer.checkpoint(), held_out))
    return Shelf(folder)


def test_the_three_models_are_alike_and_those_made_for_the_comparison_come_first(shelf):
    models = compared(shelf)
    assert [shown.key for shown in models.values()] == ["a-3d-ae", "a-3d-vae", "a-3d-aae"]
    assert tuple(models) == OBJECTIVES


def test_models_of_one_budget_come_before_others_and_where_there_are_none_it_says_so(shelf, tmp_path):
    for name in ("a-3d", "a-3d-ae", "a-3d-vae", "a-3d-longer-aae"):
        (tmp_path / f"{name}.safetensors").write_bytes((shelf.checkpoints / f"{name}.safetensors").read_bytes())
    assert compared(Shelf(tmp_path))["aae"].key == "a-3d"  # though the other's name says that it was made for this
    assert latent_value(compared(Shelf(tmp_path)))[1].startswith("Each trained for 0.00")
    (tmp_path / "a-3d.safetensors").unlink()
    words = latent_value(compared(Shelf(tmp_path)))[1]
    assert words.startswith("**Not** of the same budget")
    assert "(a-3d-longer-aae, 0.00" in words


def test_without_all_three_there_is_nothing_to_compare(tmp_path, shelf):
    assert compared(Shelf(tmp_path)) == {}
    (tmp_path / "a.safetensors").write_bytes((shelf.checkpoints / "a-3d.safetensors").read_bytes())
    assert compared(Shelf(tmp_path)) == {}


def test_codes_of_all_three_stand_on_the_same_axes_in_the_colours_of_their_classes(shelf):
    value, words = latent_value(compared(shelf))
    figure = json.loads(value["figure"])
    layout = figure["layout"]
    ranges = [layout[name]["range"] for name in ("xaxis", "yaxis", "xaxis2", "yaxis2", "xaxis3", "yaxis3")]
    assert all(limits == ranges[0] for limits in ranges)
    assert layout["annotations"][0]["text"] == "Autoencoder"
    assert len(figure["data"]) == 30
    assert sum(trace["showlegend"] for trace in figure["data"]) == 10
    assert words.startswith("Each trained for ")
    assert "Variational autoencoder (a-3d-vae): " in words
    assert "500 codes z ~ q(z|x)" in words
    assert words in value["description"]


def test_samples_are_the_same_draws_decoded_by_each(shelf):
    groups = samples_value(compared(shelf))["groups"]
    assert len({group["grid"] for group in groups}) == 3
    assert all("32 draws of the prior" in group["about"] for group in groups)


def test_the_table_has_mean_and_spread_of_every_measure_for_every_variant():
    measures = {name: Spread(0.5, 0.25) for name in MEASURES}
    variants = {key: Variant(key.upper(), key, False, measures, Spread(9, 1)) for key in OBJECTIVES}
    floors = {name: None if name == "psnr" else Spread(0.125, 0.0) for name in MEASURES}
    config = {"epochs": 2, "preset": "fast"}
    comparison = Comparison(
        dataset="digits-sample",
        images=500,
        seeds=[0, 1],
        model_config={"latent_dim": 3},
        train_config=config,
        floors=floors,
        variants=variants,
    )
    value = comparison_table(comparison)
    assert value["columns"] == ["Measure", "AE", "VAE", "AAE", "Floor"]
    rows = {row["name"]: row["values"] for group in value["groups"] for row in group["rows"]}
    assert rows[MEASURES["ks_mean"].title] == ["0.5000 ± 0.2500"] * 3 + ["0.1250"]
    assert rows[MEASURES["psnr"].title][-1] == "–"
    assert len(rows) == len(MEASURES)
    assert "2 trainings (seeds 0, 1) of 2 epochs" in about_comparison(comparison)
