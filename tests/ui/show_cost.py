"""What the show costs a training run: ``python -m tests.ui.show_cost`` (MNIST from --data-dir, or the offline sample).

The same steps with and without all that the Train tab is sent (`Show.training`, written as JSON), in turns of the two, in one
process. Seconds of processor time are told beside those of the clock: on a busy machine only they say what the show costs.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path

import torch

from aae.config import PRESETS
from aae.data import load_images
from aae.training import Trainer, pick_device, train
from aae.ui.runtime import leave_room_for_the_page
from aae.ui.training_show import TOLD_SECONDS, Show, Story


def spent(trainer: Trainer, steps: int, advance: Callable[[], bool]) -> tuple[float, float, int, int]:
    """Seconds by the clock and of the processor, steps and frames until `steps` more steps are done."""
    clock, processor, first, updates = time.perf_counter(), time.process_time(), trainer.step_count, 0
    while trainer.step_count < first + steps:
        updates += bool(advance())
    return time.perf_counter() - clock, time.process_time() - processor, trainer.step_count - first, updates


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.ui.show_cost", description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, help="where MNIST is (default: the offline sample instead)")
    parser.add_argument("--preset", choices=PRESETS, default="fast")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--steps", type=int, default=300, help="steps a turn")
    parser.add_argument("--turns", type=int, default=4)
    options = parser.parse_args()
    leave_room_for_the_page()
    name = "mnist" if options.data_dir else "digits-sample"
    data, held_out = (load_images(name, split, options.data_dir) for split in ("train", "test"))
    recipe, device = PRESETS[options.preset], pick_device(options.device)
    enough = 2 * options.steps * (options.turns + 1) * recipe.train.batch_size // len(data) + 1
    config = dataclasses.replace(recipe.train, epochs=max(recipe.train.epochs, enough))
    plain, shown = (Trainer(data, recipe.model, config, device) for _ in range(2))
    show = Show(shown, held_out, Story())
    events, views = train(plain), show.training(train(shown, report_seconds=TOLD_SECONDS))
    loops = {
        "without": (plain, lambda: next(events) is None),
        "with": (shown, lambda: '"film": {' in json.dumps(dataclasses.asdict(next(views)))),
    }
    totals = dict.fromkeys(loops, (0.0, 0.0, 0, 0))
    for turn in range(options.turns + 1):
        for kind, (trainer, advance) in loops.items():
            taken = spent(trainer, options.steps, advance)
            if turn:  # the first turn warms up
                totals[kind] = tuple(a + b for a, b in zip(totals[kind], taken, strict=True))
    print(f"preset {options.preset}, batch {config.batch_size}, {name}, {device}, {torch.get_num_threads()} threads, seed 0")
    rates = {}
    for kind, (clock, processor, steps, updates) in totals.items():
        rates[kind] = clock / steps, processor / steps
        print(
            f"{kind:>8} the show: {1e3 * clock / steps:6.2f} ms a step, {1e3 * processor / steps:6.2f} ms of processor time, "
            f"{updates / clock:.2f} frames a second"
        )
    for what, place in (("clock", 0), ("processor time", 1)):
        print(f"cost in throughput by {what}: {1 - rates['without'][place] / rates['with'][place]:.1%}")


if __name__ == "__main__":
    main()
