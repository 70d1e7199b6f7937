"""The models a page can show: the shipped ones, read-only and shared, and the one that a visitor has trained."""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aae.checkpoints import Checkpoint, load_checkpoint
from aae.data import OWN, ImageData
from aae.errors import AAEError, CheckpointError
from aae.export import codes_file, decoder_file, discriminator_file
from aae.latent import Projection, worst_projection
from aae.models import AAE
from aae.priors import GaussianPrior
from aae.ui import runtime
from aae.ui.runtime import MEBIBYTE, Limits
from aae.ui.slots import Slots
from aae.ui.visitors import KeptModels, Visitor

__all__ = ["YOUR_MODEL", "Shelf", "ShownModel", "Visitor", "as_code"]

YOUR_MODEL = "your-model"
own_held_out: weakref.WeakValueDictionary[str, ImageData] = weakref.WeakValueDictionary()
"""Held-out images of visitors' zips by `ShownModel.dataset`, a name that nobody can guess; they go with the model."""


@dataclass(frozen=True)
class ShownModel:
    """A model as the page needs it. Nothing here is ever written to."""

    key: str
    title: str
    checkpoint: Checkpoint
    weights: Path
    """The decoder for the browser."""
    held_out: ImageData | None = None
    """The images behind the codes if they come from a visitor's zip; all others are found by their data set's name."""

    @property
    def downloads(self) -> Path:
        """Folder of what a visitor downloads, under names to keep; made when it is needed."""
        return self.weights.with_suffix("")

    @property
    def codes_file(self) -> Path:
        """The codes and labels for the browser."""
        return self.weights.with_suffix(".codes")

    @property
    def discriminator_file(self) -> Path:
        """The discriminator for the browser."""
        return self.weights.with_suffix(".discriminator")

    @cached_property
    def model(self) -> AAE:
        """In evaluation mode, on the weights of the checkpoint themselves: a visitor's model is in memory once."""
        with torch.device("meta"):
            model = AAE(self.checkpoint.model_config)
        model.load_state_dict(self.checkpoint.weights, assign=True)
        return model.eval().requires_grad_(False)

    @property
    def nbytes(self) -> int:
        """Memory that this model takes, once codes and draws have been shown too."""
        codes = self.checkpoint.codes
        tensors = [*self.checkpoint.weights.values(), *self.checkpoint.training.values()]
        images = 0 if self.held_out is None else self.held_out.images.nbytes
        return sum(tensor.nbytes for tensor in tensors) + images + (0 if codes is None else 8 * codes.nbytes)

    def remove_files(self) -> None:
        """Remove what lies on disk for this model: what browsers fetch and download."""
        shutil.rmtree(self.downloads, ignore_errors=True)
        for path in self.weights.parent.glob(f"{self.weights.stem}.*"):
            path.unlink(missing_ok=True)

    @property
    def latent_dim(self) -> int:
        return self.checkpoint.model_config.latent_dim

    @property
    def class_names(self) -> list[str]:
        return self.checkpoint.record.class_names if self.checkpoint.record else []

    @property
    def dataset(self) -> str:
        """The name under which the images are found; of a visitor's own it holds a secret."""
        if self.held_out is not None:
            return f"{OWN}:{self.weights.stem}"
        return self.checkpoint.record.dataset if self.checkpoint.record else ""

    @cached_property
    def codes(self) -> np.ndarray:
        """float32 `(M, latent_dim)`; empty if the checkpoint carries none."""
        codes = self.checkpoint.codes
        return np.zeros((0, self.latent_dim), np.float32) if codes is None else codes.float().numpy()

    @cached_property
    def labels(self) -> np.ndarray:
        labels = self.checkpoint.labels
        return np.zeros(0, np.int64) if labels is None else labels.long().numpy()

    @cached_property
    def draws(self) -> np.ndarray:
        """As many draws of the prior as there are codes (1,000 if there are none), the same ones for every view."""
        return self._draws(0)

    @cached_property
    def figures(self) -> dict[str, dict[str, Any]]:
        """Figures of this model that have been drawn, by view; at most one of each."""
        return {}

    @cached_property
    def worst_view(self) -> Projection:
        """Where the codes differ most from the prior; found once, in up to a second or two."""
        return worst_projection(self.codes, self.draws, self._draws(1))

    def _draws(self, seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        return GaussianPrior(self.latent_dim).sample(len(self.codes) or 1000, generator).numpy()


class Shelf:
    """The shipped models, and the folder from which browsers fetch decoders.

    A file in `checkpoints` that cannot be read is left out and named in `notices`; the others work. With the shipped models
    come `kept`, those of visitors, and `slots`, the turns at training new ones, within `limits`.
    """

    def __init__(self, checkpoints: Path, limits: Limits | None = None) -> None:
        self.checkpoints = checkpoints
        self.limits = limits or runtime.limits()
        self.kept = KeptModels(self.limits.models, self.limits.model_mebibytes * MEBIBYTE, self.limits.kept_seconds)
        self.slots = Slots(self.limits.slots, self.limits.line)
        self.folder = Path(tempfile.mkdtemp(prefix="aae-decoders-")).resolve()
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.shipped: dict[str, ShownModel] = {}
        self.notices: list[str] = []
        paths = [path for path in checkpoints.glob("*.safetensors") if not path.name.startswith("classifier-")]
        for path in sorted(paths, key=_shown_first):
            try:
                checkpoint = load_checkpoint(path)
                self.shipped[path.stem] = self._place(path.stem, path.stem, checkpoint, secret=False)
            except CheckpointError as error:
                self.notices.append(str(error))

    def _place(
        self, key: str, title: str, checkpoint: Checkpoint, *, secret: bool, held_out: ImageData | None = None
    ) -> ShownModel:
        model = checkpoint.model()
        content = decoder_file(model)
        # A visitor's file has a name that nobody else can guess; a shipped one keeps its name for browsers' caches.
        name = secrets.token_hex(16) if secret else hashlib.sha256(content).hexdigest()[:16]
        path = self.folder / f"{name}.bin"
        path.write_bytes(content)
        shown = ShownModel(key, title, checkpoint, path, held_out)
        shown.discriminator_file.write_bytes(discriminator_file(model))
        shown.codes_file.write_bytes(codes_file(torch.from_numpy(shown.codes), torch.from_numpy(shown.labels)))
        return shown

    def own(self, checkpoint: Checkpoint, held_out: ImageData | None = None) -> ShownModel:
        """A visitor's checkpoint, ready to be shown to that visitor, and to be trained on if it carries its training state.

        `held_out` are its images if it was trained on a zip of theirs.
        """
        if held_out is not None and held_out.dataset != OWN:
            held_out = None
        shown = self._place(YOUR_MODEL, "Your model", checkpoint, secret=True, held_out=held_out)
        if held_out is not None:
            own_held_out[shown.dataset] = held_out
        return shown

    def choices(self, visitor: Visitor | None = None) -> list[tuple[str, str]]:
        """(title, key) of what this visitor can choose from."""
        own = visitor.own if visitor else None
        models = [*self.shipped.values(), *([own] if own else [])]
        return [(shown.title, shown.key) for shown in models]

    def pick(self, key: str | None, visitor: Visitor | None = None) -> ShownModel:
        """The model of that key; raises `AAEError` if this visitor has none such."""
        own = visitor.own if visitor else None
        if key == YOUR_MODEL and own is not None:
            return own
        if key in self.shipped:
            return self.shipped[key]
        if key == YOUR_MODEL and visitor and visitor.lost:
            raise AAEError(visitor.lost)
        raise AAEError("There is no such model here; train one in the Train tab or choose another.")

    def first(self) -> ShownModel | None:
        """The model the page opens on, if any is shipped."""
        return next(iter(self.shipped.values()), None)


def _shown_first(path: Path) -> tuple[bool, str]:
    """Order of the picker: MNIST in ten dimensions is what the page opens on."""
    return path.stem != "mnist-10d", path.stem


def as_code(values: object, latent_dim: int) -> torch.Tensor:
    """Untrusted numbers as z `(1, latent_dim)`; raises `AAEError` unless there are as many, all finite."""
    if not isinstance(values, list | tuple) or len(values) != latent_dim:
        raise AAEError(f"z must be a list of {latent_dim} numbers.")
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in values):
        raise AAEError("z must hold numbers only.")
    z = torch.tensor([values], dtype=torch.float32)
    if not bool(torch.isfinite(z).all()):
        raise AAEError("z must hold finite numbers only.")
    return z
