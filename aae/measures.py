"""What the measures of a model are called, what each means, and the form in which they are kept."""

from __future__ import annotations

from dataclasses import dataclass

from aae.config import Dataset


@dataclass(frozen=True)
class Measure:
    """One number, and what to hold it against."""

    value: float
    error: float | None = None
    """Half of its 95 % interval, or its standard error over images (Parzen); None where it has none of its own."""
    p_value: float | None = None
    """Of a deviation as large where codes are draws of the prior; None where the measure is no test."""
    floor: float | None = None
    """The mean over a few draws of the same number where there is nothing to find; None where that says nothing."""
    floor_spread: float | None = None
    """Their standard deviation; None for a single one."""
    ceiling: float | None = None
    """The same measure of a plain autoencoder of the same size, if there is one to compare with."""


@dataclass(frozen=True)
class About:
    """What a measure is, for tables and for the page."""

    title: str
    group: str
    """"match" (q(z) against the prior), "reconstruction", "codes" or "samples"."""
    digits: int
    """Decimals worth printing."""
    best: str
    """"low", "high" or "floor" (as near to the floor as can be), or "" where no value is better than another."""
    text: str


MEASURES: dict[str, About] = {
    "ks_mean": About(
        "KS distance, mean", "match", 4, "low",
        "Largest gap between a dimension's distribution function and that of N(0, 1), mean over the dimensions.",
    ),
    "ks_worst": About("KS distance, worst dimension", "match", 4, "low", "The same in the dimension where it is largest."),
    "mean_worst": About("Mean, furthest from 0", "match", 4, "low", "Largest |mean| of a dimension; the prior's is 0."),
    "variance_worst": About("Variance, furthest from 1", "match", 4, "low", "Largest |variance - 1| of a dimension."),
    "skewness_worst": About("Skewness, furthest from 0", "match", 3, "low", "Largest |skewness|: a dimension that leans."),
    "kurtosis_worst": About(
        "Excess kurtosis, furthest from 0", "match", 3, "low", "Largest |excess kurtosis|: tails too heavy or too light."
    ),
    "correlation_worst": About("Correlation, largest", "match", 4, "low", "Largest |correlation| of two dimensions."),
    "mardia_skewness": About(
        "Mardia's skewness", "match", 3, "low",
        "Asymmetry in all directions at once, whatever the mean and covariance; p of a test against a Gaussian.",
    ),
    "mardia_kurtosis": About(
        "Mardia's kurtosis, excess share", "match", 4, "floor",
        "Weight of the tails in all directions at once, over a Gaussian's, less 1: negative is too flat.",
    ),
    "mmd": About(
        "MMD² × 1000", "match", 3, "low",
        "Difference of the mean RBF kernel within and between codes and draws (5,000 of each, unbiased, so about 0 for none); "
        "p of a permutation test.",
    ),
    "sliced_wasserstein": About(
        "Sliced Wasserstein", "match", 4, "low", "How far codes must move to become draws, over 1,000 random directions; in σ."
    ),
    "sliced_wasserstein_whitened": About(
        "Sliced Wasserstein, codes whitened", "match", 4, "low",
        "The same once the codes were moved to mean 0 and covariance I: what is left is the shape of their cloud. The rest is "
        "a shift of mean and covariance, which test images can have and training images not.",
    ),
    "ks_mean_train": About(
        "KS distance, mean, training images", "match", 4, "low",
        "Of the codes of as many training images: the q(z) that the discriminator saw. Test images can differ from them.",
    ),
    "ks_worst_train": About("KS distance, worst dimension, training images", "match", 4, "low", "Of the same codes."),
    "sliced_wasserstein_train": About("Sliced Wasserstein, training images", "match", 4, "low", "Of the same codes; in σ."),
    "max_sliced_wasserstein": About(
        "Max-sliced Wasserstein", "match", 4, "low", "The same along the worst direction that a search finds; in σ."
    ),
    "two_sample": About(
        "Fresh classifier's accuracy", "match", 4, "low",
        "A new network learns to tell codes from draws of the prior; its accuracy on others, with the 95 % interval. "
        "0.5 is chance.",
    ),
    "posterior_sigma": About(
        "Mean posterior σ", "match", 4, "", "Width of q(z|x), mean over images and dimensions; 0 is a deterministic encoder."
    ),
    "l1": About("Test L1, sampled codes", "reconstruction", 4, "low", "Mean absolute error, pixels in [-1, 1]."),
    "l1_of_means": About("Test L1, posterior means", "reconstruction", 4, "low", "The same without the posterior's noise."),
    "mse": About("Test MSE", "reconstruction", 4, "low", "Mean squared error of posterior means, pixels in [-1, 1]."),
    "psnr": About("PSNR, dB", "reconstruction", 2, "high", "Of that mean squared error; a range of 2."),
    "knn_accuracy": About(
        "5-NN accuracy of codes", "codes", 4, "high",
        "Share of test codes whose five nearest training codes vote for their class (of 20,000; labels never trained on).",
    ),
    "linear_probe": About(
        "Linear probe of codes", "codes", 4, "high", "Share of test codes that a linear classifier of the codes tells right."
    ),
    "frechet_samples": About(
        "Fréchet, prior samples", "samples", 2, "low",
        "Distance of decoded draws of the prior to test images in a small classifier's features; its scale is that network's.",
    ),
    "frechet_reconstructions": About("Fréchet, reconstructions", "samples", 2, "low", "The same of reconstructed test images."),
    "precision_samples": About(
        "Precision, prior samples", "samples", 3, "high", "Share of samples that lie among real images: how many look real."
    ),
    "recall_samples": About(
        "Recall, prior samples", "samples", 3, "high", "Share of real images that lie among samples: how much variety is there."
    ),
    "density_samples": About(
        "Density, prior samples", "samples", 3, "high", "How many real images' neighbourhoods a sample lies in, over five."
    ),
    "coverage_samples": About(
        "Coverage, prior samples", "samples", 3, "high", "Share of real images with a sample in their neighbourhood."
    ),
    "precision_reconstructions": About("Precision, reconstructions", "samples", 3, "high", "As above, of reconstructions."),
    "recall_reconstructions": About("Recall, reconstructions", "samples", 3, "high", "As above, of reconstructions."),
    "density_reconstructions": About("Density, reconstructions", "samples", 3, "high", "As above, of reconstructions."),
    "coverage_reconstructions": About("Coverage, reconstructions", "samples", 3, "high", "As above, of reconstructions."),
    "class_entropy": About(
        "Class entropy of samples", "samples", 4, "floor",
        "Evenness of the classes that the classifier sees in samples; 1 is even. Its floor is that of the test images.",
    ),
    "parzen": About(
        "Parzen log-likelihood, nats", "samples", 1, "high",
        "Of test images under Gaussians on 10,000 samples, 28x28 pixels in [0, 1], σ chosen on 1,000 other images; ± standard "
        "error over the test images. Its floor is of 10,000 training images in place of samples. Barely tells good models "
        "apart (Theis et al., 2016); here because the paper reports it (340 ± 2 on MNIST; the model card says what differs).",
    ),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What `measure` finds of a model."""

    dataset: Dataset
    """What it was measured on: the test images of this data set."""
    images: int
    latent_dim: int
    hidden_dim: int
    seed: int
    measures: dict[str, Measure]
    """By the names in `MEASURES`, in that order."""
    dimensions: dict[str, list[float]]
    """"ks", "mean", "variance", "skewness" and "kurtosis" of each latent dimension of sampled codes."""
    correlation: list[list[float]]
    """`latent_dim` rows of as many."""
    class_shares: list[float]
    """Of decoded draws of the prior, as the classifier sees them."""
    class_shares_real: list[float]
    """Of the test images' labels."""
    parzen_sigma: float
    notice: str = ""
    """One sentence if other images than the model's own had to be used."""


@dataclass(frozen=True)
class Stage:
    """What is about to be computed, and the share of the work that is done."""

    text: str
    share: float
