"""Markdown tables of measures, and their places in a model card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aae.checkpoints import write_atomically
from aae.data import TITLES, class_names
from aae.errors import CheckpointError
from aae.evaluation import Evaluation
from aae.measures import MEASURES, Measure

GROUPS = {
    "match": "q(z) against the prior",
    "reconstruction": "Reconstruction",
    "codes": "What the codes tell",
    "samples": "Images, in the features of a small classifier",
}


def table(evaluation: Evaluation) -> str:
    """A Markdown table: a row for each measure with its value, its floor and the autoencoder's, and what it was measured on."""
    quality = evaluation.quality
    rows = [("", evaluation.file.removesuffix(".safetensors"), "floor", "autoencoder")]
    for group, title in GROUPS.items():
        rows.append((f"**{title}**", "", "", ""))
        for name, about in MEASURES.items():
            if about.group == group:
                rows.append((about.title, *cells(quality.measures[name], about.digits)))
    return "\n".join([about_measurement(evaluation), "", *aligned(rows)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table of these rows, the first its head; padded, so that it reads on a terminal too."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join(["-" * (widths[0] + 2), *["-" * (width + 1) + ":" for width in widths[1:]]]) + "|")
    return lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = row
    return "| " + " | ".join([first.ljust(widths[0]), *[c.rjust(w) for c, w in zip(rest, widths[1:], strict=True)]]) + " |"


def cells(measure: Measure, digits: int) -> tuple[str, str, str]:
    """A measure's value (with error and p), floor and autoencoder's value as text; empty where there is none."""

    def number(value: float | None, spread: float | None = None) -> str:
        if value is None:
            return ""
        return f"{value:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")

    p = "" if measure.p_value is None else f" (p {'< 0.001' if measure.p_value < 0.001 else f'{measure.p_value:.3f}'})"
    return number(measure.value, measure.error) + p, number(measure.floor, measure.floor_spread), number(measure.ceiling)


def about_measurement(evaluation: Evaluation) -> str:
    """What a table was measured on, in a sentence or two of Markdown."""
    quality = evaluation.quality
    named = zip(class_names(quality.dataset), quality.class_shares, strict=True)
    shares = ", ".join(f"{name} {share:.1%}" for name, share in named)
    beside = f" Autoencoder: `{evaluation.ceiling_of}`." if evaluation.ceiling_of else ""
    return (
        f"{quality.notice} Measured on {quality.images:,} test images of {TITLES[quality.dataset]}, seed {quality.seed}; "
        f"codes sampled from q(z|x).{beside} Classes of its samples: {shares}. Parzen σ {quality.parzen_sigma:.3f}."
    ).strip()


def write_into_card(card: Path, name: str, text: str) -> None:
    """Replace what stands in a Markdown file between ``<!-- evaluation of NAME -->`` and the next ``<!-- end -->``.

    Raises:
        CheckpointError: the file cannot be read or written, or has no such marks.
    """
    begin, end = f"<!-- evaluation of {name} -->", "<!-- end -->"
    try:
        before, found, rest = card.read_text(encoding="utf-8").partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise CheckpointError(f"{card} has no place for {name}; mark it with {begin} and {end}.")
        write_atomically(card, f"{before}{begin}\n\n{text}\n\n{end}{after}".encode())
    except OSError as error:
        raise CheckpointError(f"{card} cannot be read or written ({error.strerror or error}).") from error
