"""A training step on the page, phase by phase: what happens in words, and the numbers that changed."""

from __future__ import annotations

from typing import Any

from aae.config import Objective
from aae.phases import PhaseName, Quantity, Step
from aae.ui.packing import packed_image

TITLES: dict[PhaseName, str] = {
    "encode": "Encode",
    "decode": "Decode",
    "generator": "Update encoder and decoder",
    "discriminator": "Update the discriminator",
}
WORDS: dict[PhaseName, str] = {
    "encode": "The encoder turns each image x of the batch into q(z|x), from which z is drawn: z = μ + σ·ε.",
    "decode": "The decoder turns each z into an image x̂; |x̂ - x| says how much was lost.",
    "generator": "One Adam step lowers λ·BCE(D(z), 1) + (1 - λ)·|x̂ - x|: better images, and codes that pass for draws.",
    "discriminator": "One Adam step teaches D to tell draws p of the prior (1) from the codes z (0).",
}
OTHER_WORDS: dict[Objective, str] = {
    "ae": "One Adam step lowers |x̂ - x| alone; nothing pulls the codes to the prior.",
    "vae": "One Adam step lowers |x̂ - x| and KL(q(z|x) ‖ N(0, I)), the variational autoencoder's pull to the prior.",
}


def step_value(step: Step, objective: Objective) -> dict[str, Any]:
    """The value of a `step_box`."""
    words = {**WORDS, "generator": OTHER_WORDS.get(objective, WORDS["generator"])}
    return {
        "number": step.number,
        "batch": step.batch_size,
        "phases": [
            {
                "name": phase.name,
                "title": TITLES[phase.name],
                "words": words[phase.name],
                "numbers": [row(quantity) for quantity in phase.quantities],
            }
            for phase in step.phases
        ],
        "count": len(step.images),
        "images": packed_image(step.images),
        "reconstructions": packed_image(step.reconstructions),
        "updated": packed_image(step.updated),
    }


def row(quantity: Quantity) -> list[str]:
    """A line of a phase's table: name, value before (empty if the phase did not change it) and value."""
    return [quantity.name, "" if quantity.before is None else readable(quantity.before), readable(quantity.value)]


def readable(value: float) -> str:
    """Four significant digits."""
    return f"{value:.4g}" if 1e-4 <= abs(value) < 1e5 or value == 0 else f"{value:.3e}"
