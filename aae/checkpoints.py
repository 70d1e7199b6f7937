"""Checkpoints: one ``.safetensors`` file that holds the weights, how they came to be, and codes to draw at once.

Metadata (JSON strings): ``format`` = "aae", ``format_version``, ``model_config``, ``train_config``, ``record``.
Tensors: ``model.*`` (weights), optionally ``codes`` (float16) and ``labels`` (uint8) of held-out images, and optionally
``training.*`` (optimisers, random state, place in the run) for an exact resume. Nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import tempfile
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor

from aae.config import Json, ModelConfig, Objective, TrainConfig, quoted
from aae.errors import CheckpointError, ConfigError
from aae.models import AAE

FORMAT = "aae"
FORMAT_VERSION = 1
MAX_BYTES = 512 * 1024 * 1024  # the largest model we allow, with its training state, stays well below


@dataclass(frozen=True, kw_only=True)
class Record:
    """How the weights came to be, and how good they are."""

    dataset: str
    """What it was trained on (the offline sample's name if that had to stand in)."""
    class_names: list[str]
    epochs: float
    """Passes over the training images that were completed."""
    wall_clock_seconds: float
    device: str
    versions: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    """One row an epoch: mean losses."""

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Raises `CheckpointError` unless the text has exactly a record's fields, each of its type."""
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise CheckpointError("The training record is not valid JSON.") from error
        expected = {spec.name for spec in dataclasses.fields(cls)}
        if not isinstance(values, dict) or set(values) != expected or not _is_record(values):
            raise CheckpointError("The training record does not have the fields it should have.")
        return cls(**values)


def _is_record(values: dict[str, Json]) -> bool:
    def number(value: Json) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # no NaN either

    def mapping(value: Json, valid: type[str] | None) -> bool:
        return isinstance(value, dict) and all(isinstance(v, str) if valid else number(v) for v in value.values())

    names, history = values["class_names"], values["history"]
    return (
        isinstance(values["dataset"], str)
        and isinstance(values["device"], str)
        and isinstance(names, list)
        and all(isinstance(name, str) for name in names)
        and number(values["epochs"])
        and number(values["wall_clock_seconds"])
        and mapping(values["versions"], str)
        and mapping(values["metrics"], None)
        and isinstance(history, list)
        and all(mapping(row, None) for row in history)
    )


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Everything a checkpoint file holds, on the CPU, with no `nn.Module` in it (so that it can be pickled)."""

    model_config: ModelConfig
    weights: dict[str, Tensor]
    train_config: TrainConfig | None = None
    record: Record | None = None
    codes: Tensor | None = None
    """float16 `(M, latent_dim)`: posterior means of held-out images."""
    labels: Tensor | None = None
    """uint8 `(M,)`: their classes, indices into `record.class_names`."""
    training: dict[str, Tensor] = field(default_factory=dict)
    """State for an exact resume; empty if the file does not carry it."""

    @classmethod
    def of(cls, model: AAE, record: Record | None = None) -> Checkpoint:
        """A copy of a model's weights; what the caller does to the model later does not reach it."""
        weights = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
        return cls(model_config=model.config, weights=weights, record=record)

    def model(self, device: torch.device | str = "cpu") -> AAE:
        """A fresh model with these weights, in evaluation mode."""
        model = AAE(self.model_config)
        model.load_state_dict(self.weights)
        return model.to(device).eval()

    @property
    def objective(self) -> Objective:
        """What encoder and decoder were trained with; only that of an AAE trains the discriminator."""
        return self.train_config.objective if self.train_config else "aae"

    def slim(self) -> Checkpoint:
        """The same without the training state: for showing and sharing, a third of the size."""
        return dataclasses.replace(self, training={})


def save_checkpoint(path: str | PathLike[str], checkpoint: Checkpoint) -> None:
    """Write a checkpoint file atomically: a reader sees the old file or the new one, never half of one.

    Raises:
        CheckpointError: the file cannot be written (folder missing, no permission, disk full), with what to do.
    """
    path = Path(path)
    tensors = {f"model.{name}": tensor for name, tensor in checkpoint.weights.items()}
    tensors |= {f"training.{name}": tensor for name, tensor in checkpoint.training.items()}
    if checkpoint.codes is not None and checkpoint.labels is not None:
        tensors |= {"codes": checkpoint.codes.to(torch.float16), "labels": checkpoint.labels.to(torch.uint8)}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "model_config": checkpoint.model_config.to_json(),
    }
    if checkpoint.train_config is not None:
        metadata["train_config"] = checkpoint.train_config.to_json()
    if checkpoint.record is not None:
        metadata["record"] = checkpoint.record.to_json()
    content = to_safetensors({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside the target, then rename onto it; raises `OSError`, and then leaves nothing behind."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would hide the file from the user's group
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def load_checkpoint(path: str | PathLike[str]) -> Checkpoint:
    """Read and check a checkpoint file.

    Raises:
        CheckpointError: the file is missing, truncated, not a checkpoint of this project, of a newer format, has tensors of
            the wrong shape or type, or weights that are not finite.
    """
    path = Path(path)
    name = path.name
    try:
        if path.stat().st_size > MAX_BYTES:
            raise CheckpointError(f"{name} is larger than any checkpoint of this app; choose another file.")
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no checkpoint at {path}.") from error
    except (SafetensorError, ValueError) as error:
        raise CheckpointError(f"{name} is damaged or not a safetensors file; choose another one.") from error
    except OSError as error:
        raise CheckpointError(f"{name} cannot be read ({error.strerror or error}).") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{name} is a safetensors file, but not a checkpoint of this app.")
    if metadata.get("format_version") != str(FORMAT_VERSION):
        raise CheckpointError(f"{name} is of format {quoted(metadata.get('format_version'))}; this app reads {FORMAT_VERSION}.")
    try:
        checkpoint = _from_parts(metadata, tensors)
    except (ConfigError, CheckpointError) as error:
        raise CheckpointError(f"{name} cannot be used: {error}") from error
    return checkpoint


def _from_parts(metadata: dict[str, str], tensors: dict[str, Tensor]) -> Checkpoint:
    config = ModelConfig.from_json(metadata.get("model_config", ""))
    train_config = TrainConfig.from_json(metadata["train_config"]) if "train_config" in metadata else None
    record = Record.from_json(metadata["record"]) if "record" in metadata else None

    def part(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

    weights, training = part("model."), part("training.")
    codes, labels = tensors.get("codes"), tensors.get("labels")
    extra = set(tensors) - {f"model.{n}" for n in weights} - {f"training.{n}" for n in training} - {"codes", "labels"}
    if extra:
        raise CheckpointError(f"It holds tensors that do not belong to it ({quoted(sorted(extra))}).")
    _check_weights(weights, config)
    _check_codes(codes, labels, config, record)
    return Checkpoint(
        model_config=config,
        weights=weights,
        train_config=train_config,
        record=record,
        codes=codes,
        labels=labels,
        training=training,
    )


def _check_weights(weights: dict[str, Tensor], config: ModelConfig) -> None:
    with torch.device("meta"):  # shapes only: nothing is allocated for a file that will be refused
        expected = AAE(config).state_dict()
    weights.setdefault("encoder.centre", torch.zeros(expected["encoder.centre"].shape))  # files of before it was there
    if set(weights) != set(expected):
        odd = sorted(set(weights) ^ set(expected))
        raise CheckpointError(f"Its weights are not those of an AAE ({quoted(odd)}).")
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape or tensor.dtype != expected[name].dtype:
            raise CheckpointError(f"{name} is {tuple(tensor.shape)}, but its settings ask for {tuple(expected[name].shape)}.")
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{name} holds values that are not finite; the training run had diverged.")
        if name.endswith("running_var") and bool((tensor < 0).any()):
            raise CheckpointError(f"{name} holds negative variances.")


def _check_codes(codes: Tensor | None, labels: Tensor | None, config: ModelConfig, record: Record | None) -> None:
    if codes is None and labels is None:
        return
    if codes is None or labels is None or record is None:
        raise CheckpointError("It holds codes, labels or a training record without the others.")
    if codes.dim() != 2 or codes.shape[1] != config.latent_dim or labels.shape != codes.shape[:1]:
        raise CheckpointError(f"Its codes are {tuple(codes.shape)} and its labels {tuple(labels.shape)}; they do not match.")
    if codes.dtype != torch.float16 or labels.dtype != torch.uint8 or not bool(torch.isfinite(codes).all()):
        raise CheckpointError("Its codes are not finite numbers of the expected type.")
    if len(labels) and int(labels.max()) >= len(record.class_names):
        raise CheckpointError("Its labels name classes that the training record does not know.")
