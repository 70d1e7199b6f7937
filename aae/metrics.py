"""How good a model is: how closely its codes follow the prior, what it keeps of an image, and what its samples are like.

A number is only worth something beside its floor, the same number where there is nothing to find: as many draws of the prior
in place of the codes, as many other real images in place of the samples. `measure` gives each measure with its floor, from
held-out images and sampled codes z ~ q(z|x), the codes that the discriminator sees. KS and sliced Wasserstein distances are
measured of training images too: what the discriminator saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from aae.classifier import Classifier
from aae.data import ImageData, to_model_range
from aae.latent import max_sliced_wasserstein
from aae.matching import correlation, kolmogorov_smirnov, mardia, mmd, moments, sliced_wasserstein, two_sample_test, whitened
from aae.measures import MEASURES, Measure, Quality, Stage
from aae.models import AAE
from aae.parzen import parzen, to_paper_pixels
from aae.priors import GaussianPrior
from aae.reconstruction import CHUNK, knn_accuracy, linear_probe_accuracy, psnr, reconstruction_errors
from aae.samples import Overlap, class_entropy, class_shares, frechet_distance, neighbour_radii, overlap

__all__ = ["MEASURES", "Measure", "Quality", "Stage", "measure", "measuring"]

FLOORS = 3
"""Draws behind each floor; the spread is their standard deviation."""
MMD_POINTS = 5000
PROBE_IMAGES = 20_000
PARZEN_SAMPLES = 10_000
PARZEN_VALIDATION = 1000


def measure(
    model: AAE,
    held_out: ImageData,
    train: ImageData,
    classifier: Classifier,
    seed: int = 0,
    floors: Quality | None = None,
) -> Quality:
    """Measure a model in eval mode, on the CPU; the same seed and number of threads give the same numbers.

    Args:
        model: in evaluation mode.
        held_out: images that the model was not trained on.
        train: its training images, for floors of real against real, probes and the Parzen window's validation.
        classifier: whose features and classes are taken; of the same data set.
        seed: of the posterior's and the prior's draws, the directions, and the choice of training images.
        floors: what was found of another model with as many dimensions, on the same images: its floors are taken over,
            which saves about two thirds of the time. They are computed if None.
    """
    for found in measuring(model, held_out, train, classifier, seed, floors):
        if isinstance(found, Quality):
            return found
    raise AssertionError("measuring ends with a Quality")


@torch.no_grad()
def measuring(
    model: AAE,
    held_out: ImageData,
    train: ImageData,
    classifier: Classifier,
    seed: int = 0,
    known: Quality | None = None,
) -> Iterator[Stage | Quality]:
    """As `measure` (`known` being its `floors`), telling where it stands: some `Stage`s, and last the `Quality`.

    Stages are a few seconds apart; closing the iterator ends the work.
    """
    n, generator = len(held_out), torch.Generator().manual_seed(seed)
    prior = GaussianPrior(model.config.latent_dim)
    draws = prior.sample(n, generator)  # (N, latent_dim)
    chosen = torch.randperm(len(train), generator=generator)

    yield Stage("Encoding and decoding", 0.0)
    z, sigma = _sampled_codes(model, held_out.images, generator)
    measures = {"posterior_sigma": Measure(sigma), **_reconstruction(model, held_out, z)}
    for text, share, part in (
        ("One dimension at a time", 0.02, _marginals),
        ("All dimensions together", 0.04, _jointly),
        ("Sliced Wasserstein distances", 0.1, _transported),
        ("A fresh classifier of codes", 0.25, _told_apart),
    ):
        yield Stage(text, share)
        measures |= part(z, draws, seed)
        if known is None:
            pairs = [torch.Generator().manual_seed(1_000_003 * (seed + 1) + i) for i in range(FLOORS)]
            floors = [part(prior.sample(n, pair), prior.sample(n, pair), seed + 1 + i) for i, pair in enumerate(pairs)]
            measures |= _with_floors(measures, floors)
    measures |= _of_training_images(model, train.images[chosen[:n]], draws, seed, measures)
    yield Stage("Nearest neighbours and linear probe of the codes", 0.4)
    measures |= _probed(model, z, held_out, train, chosen[:PROBE_IMAGES])

    yield Stage("Features of samples and reconstructions", 0.45)
    real = _features(classifier, to_model_range, held_out.images)
    radii = neighbour_radii(real)
    made = {"_reconstructions": _features(classifier, model.decode, z), "_samples": _features(classifier, model.decode, draws)}
    samples = made["_samples"]
    yield Stage("Samples and reconstructions among real images", 0.5)
    measures |= {name + kind: found for kind in made for name, found in _against_real(made[kind], real, radii).items()}
    if known is None:
        yield Stage("Real images among real images", 0.6)
        places = chosen.split(n)[:FLOORS] if len(chosen) >= FLOORS * n else [chosen[:n]]
        others = [_against_real(_features(classifier, to_model_range, train.images[p]), real, radii) for p in places]
        for kind in made:
            measures |= _with_floors(measures, [{name + kind: found for name, found in each.items()} for each in others])
    classes, seen = len(held_out.class_names), classifier.head(samples).argmax(1)
    measures["class_entropy"] = Measure(class_entropy(seen, classes), floor=class_entropy(held_out.labels, classes))

    yield Stage("Parzen window", 0.75)
    validation = to_paper_pixels(train.images[chosen[:PARZEN_VALIDATION]])
    test = to_paper_pixels(held_out.images)
    window = [to_paper_pixels(model.decode(part)) for part in prior.sample(PARZEN_SAMPLES, generator).split(CHUNK)]
    found = parzen(torch.cat(window), validation, test)
    measures["parzen"] = Measure(found.log_likelihood, found.error)
    if known is None:
        yield Stage("Parzen window of real images", 0.88)
        images = to_paper_pixels(train.images[chosen[PARZEN_VALIDATION:][:PARZEN_SAMPLES]])
        measures["parzen"] = replace(measures["parzen"], floor=parzen(images, validation, test).log_likelihood)
    else:
        for name, other in known.measures.items():
            measures[name] = replace(measures[name], floor=other.floor, floor_spread=other.floor_spread)

    each = moments(z)
    yield Quality(
        dataset=held_out.dataset,
        images=n,
        latent_dim=model.config.latent_dim,
        hidden_dim=model.config.hidden_dim,
        seed=seed,
        measures={name: measures[name] for name in MEASURES},
        dimensions={
            "ks": kolmogorov_smirnov(z).tolist(),
            **{name: getattr(each, name).tolist() for name in ("mean", "variance", "skewness", "kurtosis")},
        },
        correlation=correlation(z).tolist(),
        class_shares=class_shares(seen, classes).tolist(),
        class_shares_real=class_shares(held_out.labels, classes).tolist(),
        parzen_sigma=found.sigma,
        notice=held_out.notice,
    )


def _sampled_codes(model: AAE, images: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
    """z ~ q(z|x) of uint8 images, `(N, latent_dim)`, and the mean σ (0 for a deterministic posterior)."""
    codes, widths = [], []
    for part in images.split(CHUNK):
        x = to_model_range(part)
        codes.append(model.encode(x, generator=generator))
        widths.append(model.posterior(x)[1])
    return torch.cat(codes), float(torch.cat(widths).mean()) if model.config.posterior == "gaussian" else 0.0


def _reconstruction(model: AAE, held_out: ImageData, z: Tensor) -> dict[str, Measure]:
    """Of images `(N, 1, 32, 32)` from their sampled codes `(N, latent_dim)`, and from posterior means."""
    sampled = [
        (model.decode(part) - to_model_range(images)).abs().flatten(1).mean(1)
        for part, images in zip(z.split(CHUNK), held_out.images.split(CHUNK), strict=True)
    ]
    of_means = reconstruction_errors(model, held_out.images)
    mse = float(of_means.mse.double().mean())
    return {
        "l1": Measure(*_mean_and_half_interval(torch.cat(sampled))),
        "l1_of_means": Measure(*_mean_and_half_interval(of_means.l1)),
        "mse": Measure(*_mean_and_half_interval(of_means.mse)),
        "psnr": Measure(psnr(mse)),
    }


def _mean_and_half_interval(values: Tensor) -> tuple[float, float]:
    return float(values.double().mean()), float(1.96 * values.double().std() / len(values) ** 0.5)


def _marginals(z: Tensor, draws: Tensor, seed: int) -> dict[str, Measure]:
    distances, each = kolmogorov_smirnov(z), moments(z)
    return {
        "ks_mean": Measure(float(distances.mean())),
        "ks_worst": Measure(float(distances.max())),
        "mean_worst": Measure(float(each.mean.abs().max())),
        "variance_worst": Measure(float((each.variance - 1).abs().max())),
        "skewness_worst": Measure(float(each.skewness.abs().max())),
        "kurtosis_worst": Measure(float(each.kurtosis.abs().max())),
        "correlation_worst": Measure(float(correlation(z).fill_diagonal_(0).abs().max())),
    }


def _jointly(z: Tensor, draws: Tensor, seed: int) -> dict[str, Measure]:
    shape = mardia(z)
    difference = mmd(z[:MMD_POINTS], draws[:MMD_POINTS], seed=seed)
    return {
        "mardia_skewness": Measure(shape.skewness, p_value=shape.skewness_p),
        "mardia_kurtosis": Measure(shape.kurtosis_excess, p_value=shape.kurtosis_p),
        "mmd": Measure(1000 * difference.squared, p_value=difference.p_value),
    }


def _transported(z: Tensor, draws: Tensor, seed: int) -> dict[str, Measure]:
    sliced = sliced_wasserstein(z, draws, generator=torch.Generator().manual_seed(seed))
    shape = sliced_wasserstein(whitened(z), draws, generator=torch.Generator().manual_seed(seed))
    return {
        "sliced_wasserstein": Measure(sliced),
        "sliced_wasserstein_whitened": Measure(shape),
        "max_sliced_wasserstein": Measure(max_sliced_wasserstein(z.numpy(), draws.numpy())[1]),
    }


def _of_training_images(model: AAE, images: Tensor, draws: Tensor, seed: int, found: dict[str, Measure]) -> dict[str, Measure]:
    """The same measures of codes of training images, under names of their own; their floors are those found already."""
    z, _ = _sampled_codes(model, images, torch.Generator().manual_seed(seed))
    sliced = sliced_wasserstein(z, draws[: len(z)], generator=torch.Generator().manual_seed(seed))
    again = {**_marginals(z, draws, seed), "sliced_wasserstein": Measure(sliced)}
    return {
        f"{name}_train": replace(again[name], floor=found[name].floor, floor_spread=found[name].floor_spread)
        for name in ("ks_mean", "ks_worst", "sliced_wasserstein")
    }


def _told_apart(z: Tensor, draws: Tensor, seed: int) -> dict[str, Measure]:
    test = two_sample_test(z, draws, seed)
    return {"two_sample": Measure(test.accuracy, (test.high - test.low) / 2, test.p_value)}


def _probed(model: AAE, z: Tensor, held_out: ImageData, train: ImageData, chosen: Tensor) -> dict[str, Measure]:
    known = [model.encode(to_model_range(part), sample=False) for part in train.images[chosen].split(CHUNK)]
    asked = [model.encode(to_model_range(part), sample=False) for part in held_out.images.split(CHUNK)]
    codes = (torch.cat(known), train.labels[chosen], torch.cat(asked), held_out.labels)
    return {"knn_accuracy": Measure(knn_accuracy(*codes)), "linear_probe": Measure(linear_probe_accuracy(*codes))}


def _features(classifier: Classifier, make: Callable[[Tensor], Tensor], sources: Tensor) -> Tensor:
    """Features `(N, 64)` of the images that `make` makes of the sources, a chunk at a time."""
    return torch.cat([classifier.features(make(part)) for part in sources.split(CHUNK)])


def _against_real(features: Tensor, real: Tensor, real_radii: Tensor) -> dict[str, Measure]:
    found: Overlap = overlap(real, features, real_radii)
    return {
        "frechet": Measure(frechet_distance(features, real)),
        **{name: Measure(value) for name, value in vars(found).items()},
    }


def _with_floors(found: dict[str, Measure], floors: list[dict[str, Measure]]) -> dict[str, Measure]:
    """Those of the measures found that the floors have, with mean and spread of theirs."""
    complete = {}
    for name in floors[0]:
        numbers = torch.tensor([floor[name].value for floor in floors], dtype=torch.float64)
        spread = float(numbers.std()) if len(numbers) > 1 else None
        complete[name] = replace(found[name], floor=float(numbers.mean()), floor_spread=spread)
    return complete
