"""The models a page can show: the shipped ones, read-only and shared, and the one that a visitor has trained."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
import tempfile
import threading
import weakref
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from aae.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from aae.data import OWN, ImageData
from aae.errors import AAEError, CheckpointError
from aae.export import codes_file, decoder_file, discriminator_file
from aae.latent import Projection, worst_projection
from aae.models import AAE
from aae.own_data import OwnImages
from aae.priors import GaussianPrior

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
    def checkpoint_file(self) -> Path:
        """A visitor's whole checkpoint, with the training state that `checkpoint` leaves out of a session's memory."""
        return self.weights.with_suffix(".safetensors")

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
        return self.checkpoint.model("cpu").requires_grad_(False)

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
    def worst_view(self) -> Projection:
        """Where the codes differ most from the prior; found once, in up to a second or two."""
        return worst_projection(self.codes, self.draws, self._draws(1))

    def _draws(self, seed: int) -> np.ndarray:
        generator = torch.Generator().manual_seed(seed)
        return GaussianPrior(self.latent_dim).sample(len(self.codes) or 1000, generator).numpy()


class Visitor:
    """What one visitor owns; lives in that visitor's session and goes with it.

    No dataclass: Gradio would turn one that is a state's first value into a dictionary.
    """

    def __init__(self) -> None:
        self.own: ShownModel | None = None
        self.images: OwnImages | None = None  # what this visitor uploaded to train on
        self.running = False
        self.stopped = False  # the last run ended before its time
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: dict[int, object]) -> Visitor:
        return Visitor()  # Gradio copies a state's first value for each new session

    def begin(self) -> bool:
        """Claim this visitor's one run; false if one is under way."""
        with self._lock:
            claimed, self.running = not self.running, True
            return claimed

    def keep(self, shown: ShownModel) -> None:
        """Make `shown` this visitor's model; the one before goes."""
        self.close()
        self.own = shown

    def resumable(self) -> Checkpoint | None:
        """This visitor's model as it stands, with its training state if it has one; None if there is no model."""
        if self.own is None:
            return None
        with contextlib.suppress(CheckpointError):  # it could not be written, or went while we read
            return load_checkpoint(self.own.checkpoint_file)
        return self.own.checkpoint

    def close(self) -> None:
        """Remove what lies on disk for this visitor."""
        if self.own is not None:
            for path in self.own.weights.parent.glob(f"{self.own.weights.stem}.*"):
                path.unlink(missing_ok=True)
            self.own = None


class Shelf:
    """The shipped models, and the folder from which browsers fetch decoders.

    A file in `checkpoints` that cannot be read is left out and named in `notices`; the others work.
    """

    def __init__(self, checkpoints: Path) -> None:
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
        """A visitor's checkpoint, ready to be shown to that visitor; `held_out` if it was trained on a zip of theirs."""
        if held_out is not None and held_out.dataset != OWN:
            held_out = None
        shown = self._place(YOUR_MODEL, "Your model", checkpoint.slim(), secret=True, held_out=held_out)
        if held_out is not None:
            own_held_out[shown.dataset] = held_out
        with contextlib.suppress(CheckpointError):  # a full disk costs the download, not the model
            save_checkpoint(shown.checkpoint_file, checkpoint)
        return shown

    def choices(self, visitor: Visitor | None = None) -> list[tuple[str, str]]:
        """(title, key) of what this visitor can choose from."""
        models = [*self.shipped.values(), *([visitor.own] if visitor and visitor.own else [])]
        return [(shown.title, shown.key) for shown in models]

    def pick(self, key: str | None, visitor: Visitor | None = None) -> ShownModel:
        """The model of that key; raises `AAEError` if this visitor has none such."""
        own = visitor.own if visitor else None
        if key == YOUR_MODEL and own is not None:
            return own
        if key in self.shipped:
            return self.shipped[key]
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
