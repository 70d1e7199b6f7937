"""The settings of a run in words: what each does, and the command line that trains with them."""

from __future__ import annotations

import dataclasses
import shlex

from aae.config import PRESETS, ModelConfig, TrainConfig

ABOUT: dict[str, str] = {
    "preset": "The recipe that the other settings start from.",
    "dataset": "The images to learn; they are downloaded on first use.",
    "epochs": "Passes over all training images; more sharpen the digits and take longer in proportion.",
    "latent_dim": "Size of z. Two can be seen whole; ten keep more of each image; many are harder to match to the prior.",
    "seed": "Fixes the initial weights, the order of the images and the noise: the same seed gives the same model.",
    "hidden_dim": "Width of the hidden layers: wider networks learn finer strokes, and a step takes longer.",
    "posterior": "q(z|x): “gaussian” draws each code around its mean, “deterministic” takes the mean itself.",
    "batch_size": "Images in a step: small batches take many noisy steps an epoch, large ones few steady ones.",
    "learning_rate": "Adam's step size for encoder and decoder: too low is slow, too high diverges.",
    "discriminator_learning_rate": "Adam's step size for the discriminator: too low, and it gives the encoder no direction.",
    "schedule": "“constant” keeps both step sizes, “linear” lets them fall to 0 at the end, “warmup” first lets them rise.",
    "finish": "“standardise” ends the run by giving the codes the prior's mean and covariance; “none” leaves them.",
    "beta1": "How long Adam remembers gradients; 0.5 rather than the usual 0.9 calms the game of encoder and discriminator.",
    "beta2": "How long Adam remembers the gradients' size, by which it scales each weight's step.",
    "adversarial_weight": "λ, how much fooling the discriminator counts against reconstruction: 0 is a plain autoencoder.",
    "objective": "“aae” is the adversarial game; “ae” drops it, “vae” has a KL divergence instead, for comparison.",
    "inputs": "“centred” subtracts the mean training image before the encoder, which then learns faster; “raw” does not.",
    "precision": "Of the products in a step: “auto” uses bfloat16 where the processor has it and it pays, else “float32”.",
}
"""What every field of `ModelConfig` and `TrainConfig` does, in a sentence."""


def titled(name: str) -> str:
    """A field's name as a label: `learning_rate` to "Learning rate"."""
    return name.replace("_", " ").capitalize().replace("dim", "dimensions")


def train_command(model_config: ModelConfig, config: TrainConfig) -> str:
    """The `python -m aae train …` that trains with these settings: data set, preset, and whatever differs from it."""
    recipe = PRESETS.get(config.preset, PRESETS["reference"])
    source = ["--data", "FILE.zip"] if config.dataset == "own" else ["--dataset", config.dataset]
    words = [*source, "--preset", config.preset]
    for chosen, usual in ((model_config, recipe.model), (config, recipe.train)):
        for spec in dataclasses.fields(chosen):
            value = getattr(chosen, spec.name)
            if spec.name not in ("dataset", "preset") and value != getattr(usual, spec.name):
                words += [f"--{spec.name.replace('_', '-')}", str(value)]
    return shlex.join(["python", "-m", "aae", "train", *words])
