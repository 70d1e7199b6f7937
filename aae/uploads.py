"""A checkpoint that a stranger hands in: bounded, never unpickled, told apart from the other files that this app gives out."""

from __future__ import annotations

import contextlib
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aae import classifier
from aae.checkpoints import MAX_BYTES, Checkpoint, Record, load_checkpoint
from aae.config import PRESETS
from aae.data import OWN, TITLES, ImageData, class_title
from aae.errors import CheckpointError, TrainingError

MAX_CLASSES = 256
"""Labels are uint8."""
MAX_HISTORY = 10_000
"""Rows of a record: as many as a run may have epochs."""
NAME = "The uploaded file"


def read_checkpoint(content: bytes, most_bytes: int = MAX_BYTES) -> Checkpoint:
    """An uploaded checkpoint file; its tensors are in memory and refer to no file.

    Raises:
        CheckpointError: it is too large, of another kind, or not a sound checkpoint of this app (see `load_checkpoint`).
    """
    if len(content) > most_bytes:
        raise CheckpointError(
            f"{NAME} is larger than {most_bytes / 1024**2:,.0f} MB; make it smaller with `train --slim`, or train it here."
        )
    if kind := foreign_kind(content):
        raise CheckpointError(f"{NAME} is {kind}; choose a checkpoint of this app (.safetensors).")
    with tempfile.TemporaryDirectory(prefix="aae-upload-") as folder:
        path = Path(folder) / NAME
        path.write_bytes(content)
        if _is_classifier(path):
            raise CheckpointError(f"{NAME} is a classifier that the measures use, not an autoencoder; choose a checkpoint.")
        loaded = load_checkpoint(path)
        # safetensors maps the file into memory; what a session keeps must outlive it.
        checkpoint = replace(
            loaded,
            weights=_copied(loaded.weights),
            training=_copied(loaded.training),
            codes=None if loaded.codes is None else loaded.codes.clone(),
            labels=None if loaded.labels is None else loaded.labels.clone(),
        )
    record, config = checkpoint.record, checkpoint.train_config
    if config is not None and config.preset not in PRESETS:  # any text, in the settings
        config = replace(config, preset="unknown")
    return replace(checkpoint, train_config=config, record=None if record is None else _bounded(record))


def foreign_kind(content: bytes) -> str:
    """What kind of file this is, if its first bytes say that it is no safetensors file; else an empty string."""
    start = content[:64].lstrip()
    if content[8:9] == b"{":  # a safetensors file: eight bytes of length, then JSON
        return ""
    if not content:
        return "empty"
    if content.startswith(b"PK"):
        return "a zip or a pickle of PyTorch, and is not opened here"
    if content[:1] == b"\x80" or content.startswith(b"\x93NUMPY"):
        return "pickled, which could run code, and is never opened here"
    if start.startswith(b"{"):
        return "a training record, which holds no weights"
    if content[4:].startswith((b'{"latent_dim"', b'{"count"')):
        return "a decoder for the browser, which has no encoder to train on"
    if start[:9].lower() == b"<!doctype":
        return "a web page"
    return ""


def _is_classifier(path: Path) -> bool:
    with contextlib.suppress(SafetensorError, ValueError, OSError), safe_open(path, framework="pt") as file:
        return (file.metadata() or {}).get("format") == classifier.FORMAT
    return False


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _bounded(record: Record) -> Record:
    """The record with names that can be shown; raises `CheckpointError` if there is more of it than any run leaves."""
    if len(record.class_names) > MAX_CLASSES or len(record.history) > MAX_HISTORY or len(record.metrics) > 1000:
        raise CheckpointError(f"{NAME} has a longer training record than any run leaves; choose another one.")
    if record.dataset not in (*TITLES, OWN):
        raise CheckpointError(f"{NAME} was trained on a data set that this app does not know; choose another one.")
    return replace(record, class_names=[class_title(name) for name in record.class_names], device=class_title(record.device))


def fresh_start(checkpoint: Checkpoint, data: ImageData, device: torch.device) -> Checkpoint:
    """A checkpoint without training state, made fit for a run that begins at its weights with fresh optimisers.

    The run counts its epochs from 0, and draws its noise from the configured seed.

    Raises:
        TrainingError: the checkpoint does not say how it was trained.
    """
    if checkpoint.train_config is None or checkpoint.record is None:
        raise TrainingError("This model does not say how it was trained, so it cannot be trained on; train anew instead.")
    state: dict[str, Tensor] = {
        "noise": torch.Generator(device).manual_seed(checkpoint.train_config.seed).get_state(),
        "step": torch.tensor(0),
        "images": torch.tensor(len(data)),
    }
    return replace(at_epoch_0(checkpoint), training=state)


def at_epoch_0(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint with nothing in its record of the run that made it."""
    if checkpoint.record is None:
        return checkpoint
    return replace(checkpoint, record=replace(checkpoint.record, epochs=0.0, wall_clock_seconds=0.0, metrics={}, history=[]))


def record_json(checkpoint: Checkpoint) -> str:
    """Settings and training record as one readable JSON object: ``model_config``, ``train_config``, ``record``."""
    parts = {"model_config": checkpoint.model_config, "train_config": checkpoint.train_config, "record": checkpoint.record}
    return json.dumps({name: json.loads(part.to_json()) if part else None for name, part in parts.items()}, indent=2) + "\n"
