"""What a model is (`ModelConfig`), how it is trained (`TrainConfig`), and the presets; strict JSON both ways."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field, fields
from typing import Literal, Self, get_args, get_origin, get_type_hints

from aae.errors import ConfigError

IMAGE_SIZE = 32
"""Height and width of every image the networks see, in pixels."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def limits(low: float, high: float) -> dict[str, tuple[float, float]]:
    """Inclusive range of a field, checked whenever a config is made."""
    return {"limits": (low, high)}


def added(value: Json, **metadata: tuple[float, float]) -> dict[str, Json | tuple[float, float]]:
    """Metadata of a field that was added later: files from before it had this value in effect, and are read with it."""
    return {**metadata, "before": value}


def quoted(value: object, most: int = 60) -> str:
    """Something from outside as part of a sentence: on one line, and not longer than one cares to read."""
    try:
        text = ascii(value)
    except ValueError:  # an integer of more digits than Python writes
        text = "a huge number"
    return text if len(text) <= most else f"{text[: most - 1]}…"


class StrictConfig:
    """Checks types and ranges when made, and reads and writes JSON with exactly its own fields."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for spec in fields(self):  # type: ignore[arg-type]
            value = getattr(self, spec.name)
            wanted = hints[spec.name]
            if get_origin(wanted) is Literal:
                if value not in get_args(wanted):
                    raise ConfigError(f"{spec.name} is {quoted(value)}; choose one of {', '.join(map(str, get_args(wanted)))}.")
                continue
            if type(value) is not wanted and not (wanted is float and type(value) is int):
                raise ConfigError(f"{spec.name} is {quoted(value)}; it must be of type {wanted.__name__}.")
            if "limits" in spec.metadata:
                low, high = spec.metadata["limits"]
                if not low <= value <= high:  # NaN is not either
                    raise ConfigError(f"{spec.name} is {quoted(value)}; choose a value from {low:g} to {high:g}.")
            if wanted is float:
                object.__setattr__(self, spec.name, float(value))

    def to_json(self) -> str:
        """One JSON object that `from_json` reads back to an equal config."""
        return json.dumps(dataclasses.asdict(self))  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a config; raises `ConfigError` if a field is missing, unknown, of the wrong type or out of range.

        A field that was added later (`added`) may be missing.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # ValueError also for more digits than Python reads
            raise ConfigError("The configuration is not valid JSON.") from error
        if not isinstance(values, dict):
            raise ConfigError("The configuration is not a JSON object.")
        known = {spec.name for spec in fields(cls)}  # type: ignore[arg-type]
        if unknown := sorted(set(values) - known):
            raise ConfigError(f"The configuration has unknown settings: {quoted(unknown)}.")
        before = {spec.name: spec.metadata["before"] for spec in fields(cls) if "before" in spec.metadata}  # type: ignore[arg-type]
        values = {**before, **values}
        if missing := sorted(known - set(values)):
            raise ConfigError(f"The configuration lacks settings: {', '.join(missing)}.")
        return cls(**values)


Posterior = Literal["gaussian", "deterministic"]
Schedule = Literal["constant", "linear", "warmup"]
Precision = Literal["float32", "auto"]
Inputs = Literal["raw", "centred"]
Objective = Literal["aae", "ae", "vae"]
Finish = Literal["none", "standardise"]
Dataset = Literal[
    "mnist", "fashion-mnist", "kmnist", "emnist-digits", "emnist-letters", "qmnist", "usps", "digits-sample", "own"
]  # fmt: skip
"""Where images come from; "own" is a zip of the user's (aae/own_data.py), which no name can bring back."""


@dataclass(frozen=True, kw_only=True)
class ModelConfig(StrictConfig):
    """The three networks of an AAE. Raises `ConfigError` for a value of the wrong type or out of range."""

    latent_dim: int = field(default=10, metadata=limits(2, 64))
    """Size of z."""
    hidden_dim: int = field(default=512, metadata=limits(16, 2048))
    """Units in each hidden layer of encoder and decoder, and in the discriminator's first; its second has half."""
    posterior: Posterior = "gaussian"
    """q(z|x): a diagonal Gaussian, or the mean alone (section 2 of the paper discusses both)."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(StrictConfig):
    """One training run. Raises `ConfigError` for a value of the wrong type or out of range.

    The defaults are the `reference` preset: PyTorch-GAN's settings for Makhzani et al. (2015).
    """

    preset: str = "reference"
    dataset: Dataset = "mnist"
    epochs: int = field(default=100, metadata=limits(1, 10_000))
    batch_size: int = field(default=64, metadata=limits(2, 8192))
    seed: int = field(default=0, metadata=limits(0, 2**31 - 1))
    learning_rate: float = field(default=2e-4, metadata=limits(1e-7, 1.0))
    """Adam's step size for encoder and decoder."""
    discriminator_learning_rate: float = field(default=2e-4, metadata=limits(1e-7, 1.0))
    schedule: Schedule = "constant"
    """How both step sizes change over the configured epochs: not at all, or falling in a straight line to 0; with "warmup" they
    rise to that line over the first steps (`training.WARMUP_STEPS`; Goyal et al., 2017, section 2.2)."""
    finish: Finish = "none"
    """What the last step ends with: "standardise" gives the codes the prior's mean and covariance (aae/standardise.py)."""
    beta1: float = field(default=0.5, metadata=limits(0.0, 0.9999))
    beta2: float = field(default=0.999, metadata=limits(0.0, 0.99999))
    adversarial_weight: float = field(default=0.001, metadata=limits(0.0, 1.0))
    """Weight λ of the generator's adversarial term; the reconstruction term weighs 1 - λ."""
    objective: Objective = field(default="aae", metadata=added("aae"))
    """What trains encoder and decoder: the adversarial game, or for comparison the reconstruction alone (a plain autoencoder)
    or the evidence lower bound (a variational one); see aae/objectives.py."""
    precision: Precision = field(default="float32", metadata=added("float32"))
    """Of the matrix products in a step: "auto" rounds their factors to bfloat16 where the processor multiplies these at least
    twice as fast (`devices.fast_bfloat16`), and is "float32" elsewhere. Weights and optimisers are float32 in any case."""
    inputs: Inputs = field(default="raw", metadata=added("raw"))
    """What the encoder's first layer sees: the images, or their difference from the mean training image. The two encoders can
    be the same function, for the layer has a bias; but Adam gets further with the second, whose inputs have mean 0
    (LeCun et al., 1998, section 4.3)."""


@dataclass(frozen=True)
class Preset:
    """A named recipe: the networks, how to train them, and what it is for."""

    model: ModelConfig
    train: TrainConfig
    about: str


PRESETS: dict[str, Preset] = {
    "reference": Preset(
        ModelConfig(),
        TrainConfig(),
        "The published reference recipe: batch 64, Adam at 2e-4, adversarial weight 0.001, float32.",
    ),
    "fast": Preset(
        ModelConfig(),
        TrainConfig(
            preset="fast",
            epochs=7,
            batch_size=128,
            learning_rate=8e-3,
            discriminator_learning_rate=2e-3,
            schedule="warmup",
            adversarial_weight=0.02,
            finish="standardise",
            precision="auto",
            inputs="centred",
        ),
        "Good digits soon: batch 128, Adam at 8e-3 falling to 0, adversarial weight 0.02, 7 epochs.",
    ),
    "best": Preset(
        ModelConfig(),
        TrainConfig(
            preset="best",
            epochs=100,
            batch_size=128,
            learning_rate=8e-3,
            discriminator_learning_rate=2e-3,
            schedule="warmup",
            adversarial_weight=0.05,
            finish="standardise",
            precision="auto",
            inputs="centred",
        ),
        "What the shipped models were trained with: as fast, but adversarial weight 0.05 and 100 epochs.",
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name; raises `ConfigError` if there is none."""
    if name not in PRESETS:
        raise ConfigError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]
