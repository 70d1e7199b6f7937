"""Command line: ``python -m aae train``, ``info``, ``evaluate``, ``compare``, ``bench`` and ``classifier``."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import get_args

from tqdm import tqdm

from aae.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from aae.config import PRESETS, ModelConfig, Objective, Posterior, TrainConfig, preset
from aae.data import OWN, TITLES, ImageData, load_images
from aae.errors import AAEError, CheckpointError, ConfigError
from aae.latent import with_held_out
from aae.objectives import POSTERIORS
from aae.own_data import OWN_MACHINE_LIMITS, read_zip
from aae.reconstruction import reconstruction_l1
from aae.settings import ABOUT
from aae.training import EpochEnd, Trainer, pick_device, train

AUTOSAVE_SECONDS = 60.0
MODULES = {  # commands with a module and options of their own, loaded when they are called
    "evaluate": "measure checkpoints, with floors",
    "compare": "train a plain, a variational and an adversarial autoencoder alike, and tabulate them",
    "bench": "time training against a plainly written loop",
    "race": "time and quality of a preset against twenty plain epochs",
    "classifier": "train the small classifier whose features the measures use",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 if it succeeded, 2 for an error of the user's, 130 if interrupted (what there is is saved)."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if given and given[0] in MODULES:
            return int(importlib.import_module(f"aae.{given[0]}").main(given[1:]))
        options = parser().parse_args(given)
        return int(options.run(options))
    except AAEError as error:
        print(f"aae: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("aae: interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read our output has seen enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m aae", description="Adversarial autoencoders: train and inspect.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_train(commands.add_parser("train", help="train a model and write a checkpoint"))
    info = commands.add_parser("info", help="say what a checkpoint holds")
    info.add_argument("file", type=Path, metavar="FILE")
    info.add_argument("--json", action="store_true", help="one JSON object")
    info.set_defaults(run=run_info)
    for name, about in MODULES.items():
        commands.add_parser(name, help=about, add_help=False)
    return top


def add_train(command: argparse.ArgumentParser) -> None:
    command.set_defaults(run=run_train)
    command.add_argument("--preset", choices=PRESETS, help="recipe to start from (default: reference)")
    command.add_argument("--dataset", choices=TITLES, help="images to train on (default: mnist)")
    command.add_argument("--data", type=Path, metavar="ZIP", help="train on the images in this zip; its folders are classes")
    command.add_argument("--epochs", type=int, help="passes over the images; with --resume: how many more")
    command.add_argument("--latent-dim", type=int, help="size of z")
    command.add_argument("--hidden-dim", type=int, help="width of the hidden layers")
    command.add_argument("--posterior", choices=get_args(Posterior), help="q(z|x)")
    for spec in dataclasses.fields(TrainConfig):  # every other setting of a run, under its own name
        if spec.name not in ("preset", "dataset", "epochs"):
            kind = type(spec.default)
            flag = f"--{spec.name.replace('_', '-')}"
            command.add_argument(flag, type=kind, metavar=kind.__name__.upper(), help=ABOUT[spec.name])
    command.add_argument("--device", default="auto", help="cuda, mps or cpu (default: the first that is there)")
    command.add_argument("--data-dir", type=Path, help="torchvision's root (default: AAE_DATA_DIR or the cache folder)")
    command.add_argument("--out", type=Path, metavar="FILE", help="checkpoint to write (default: DATASET-Nd.safetensors)")
    command.add_argument("--resume", type=Path, metavar="FILE", help="go on from this checkpoint, exactly where it stood")
    command.add_argument("--slim", action="store_true", help="leave out the training state: a third of the size, no resume")
    command.add_argument("--json", action="store_true", help="one JSON object an epoch on standard output")


def run_train(options: argparse.Namespace) -> int:
    resume = load_checkpoint(options.resume) if options.resume else None
    model_config, config = configs(options, resume)
    device = pick_device(options.device)
    data, held_out = images(options, config)
    out = options.out or options.resume or Path(f"{data.dataset}-{model_config.latent_dim}d.safetensors")
    check_writable(out)
    trainer = Trainer(data, model_config, config, device, resume)
    for notice in filter(None, (data.notice, held_out.notice, trainer.notice)):
        print(notice, file=sys.stderr)

    def save(slim: bool = options.slim) -> Checkpoint:
        model = trainer.checkpoint().model(device)
        checkpoint = trainer.checkpoint({"test_l1": round(reconstruction_l1(model, held_out), 5)})
        checkpoint = with_held_out(checkpoint.slim() if slim else checkpoint, held_out)
        save_checkpoint(out, checkpoint)
        return checkpoint

    saved_at = time.monotonic()
    bar = tqdm(total=trainer.total_steps, initial=trainer.step_count, unit="step", dynamic_ncols=True, mininterval=0.5)
    with bar, interruption() as interrupted:
        try:
            for event in train(trainer):
                if isinstance(event, EpochEnd):
                    report(event, config.epochs, config.objective, options.json)
                    if time.monotonic() - saved_at > AUTOSAVE_SECONDS:
                        save()
                        saved_at = time.monotonic()
                else:
                    bar.update(event.step - bar.n)
                    bar.set_postfix_str(f"L1 {event.losses.reconstruction:.4f}")
                if interrupted:
                    break
        except AAEError:  # diverged: the trainer stands at its last good weights, but its optimisers do not
            save(slim=True)
            print(f"The last good weights are in {out}.", file=sys.stderr)
            raise
    checkpoint = save()
    metrics = checkpoint.record.metrics if checkpoint.record else {}
    print(
        f"{out}: {trainer.epoch:g} epochs of {data.dataset}, {trainer.seconds:.0f} s on {device}, "
        + ", ".join(f"{name} {value}" for name, value in metrics.items()),
        file=sys.stderr,
    )
    return 130 if interrupted and trainer.step_count < trainer.total_steps else 0


def configs(options: argparse.Namespace, resume: Checkpoint | None) -> tuple[ModelConfig, TrainConfig]:
    """The preset (or the resumed run) with what the command line says on top."""
    given = {name: value for name, value in vars(options).items() if value is not None}
    model_changes = {spec.name: given[spec.name] for spec in dataclasses.fields(ModelConfig) if spec.name in given}
    changes = {spec.name: given[spec.name] for spec in dataclasses.fields(TrainConfig) if spec.name in given}
    if resume is None:
        if options.data is not None:
            if options.dataset is not None:
                raise ConfigError("Give either --dataset or --data, not both.")
            changes["dataset"] = OWN
        recipe = preset(changes.get("preset", "reference"))
        config = dataclasses.replace(recipe.train, **changes)
        model_changes = {"posterior": POSTERIORS.get(config.objective, recipe.model.posterior), **model_changes}
        return dataclasses.replace(recipe.model, **model_changes), config
    if resume.train_config is None or resume.record is None:
        raise CheckpointError(f"{options.resume} does not say how it was trained, so it cannot be resumed.")
    if fixed := sorted({*model_changes, *changes} - {"epochs"}):
        raise ConfigError(f"A resumed run keeps its settings; leave out {', '.join(fixed)}.")
    config = resume.train_config
    if "epochs" in changes:
        config = dataclasses.replace(config, epochs=int(resume.record.epochs) + changes["epochs"])
    elif resume.record.epochs >= config.epochs:
        raise ConfigError(f"{options.resume} is finished; say how many more epochs with --epochs.")
    return resume.model_config, config


def images(options: argparse.Namespace, config: TrainConfig) -> tuple[ImageData, ImageData]:
    """What to train on, and what is held out."""
    if options.data is None:
        if config.dataset == OWN:
            raise ConfigError("This run was on images from a zip; name it with --data.")
        data = load_images(config.dataset, "train", options.data_dir)
        return data, load_images(data.dataset, "test", options.data_dir)
    if config.dataset != OWN:
        raise ConfigError(f"This run was on {TITLES[config.dataset]}; leave out --data.")
    own = read_zip(options.data, OWN_MACHINE_LIMITS)
    print(own.about, file=sys.stderr)
    return own.train, own.held_out


def check_writable(path: Path) -> None:
    """Find out before hours of training, not after; raises `CheckpointError`."""
    if path.is_dir():
        raise CheckpointError(f"{path} is a folder; choose a file for --out.")
    if not path.parent.is_dir():
        raise CheckpointError(f"There is no folder {path.parent}; make it first or choose another --out.")
    try:
        with (path.parent / f".{path.name}.probe").open("wb"):
            pass
        (path.parent / f".{path.name}.probe").unlink()
    except OSError as error:
        raise CheckpointError(f"{path.parent} cannot be written to ({error.strerror}); choose another --out.") from error


@contextmanager
def interruption() -> Iterator[list[int]]:
    """Collects the first Ctrl-C, so that the run ends between two steps; a second one ends it at once."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def report(event: EpochEnd, epochs: int, objective: Objective, as_json: bool) -> None:
    losses = event.losses
    if as_json:
        print(json.dumps({"epoch": event.epoch, **dataclasses.asdict(losses), "seconds": round(event.seconds, 3)}), flush=True)
        return
    rest = {
        "aae": f"  adversarial {losses.adversarial:.4f}  "
        f"discriminator {losses.discriminator:.4f} ({losses.discriminator_accuracy:.0%} right)",
        "vae": f"  KL {losses.adversarial:.2f} nats",
        "ae": "",
    }[objective]
    tqdm.write(
        f"epoch {event.epoch}/{epochs}  reconstruction {losses.reconstruction:.4f}{rest}  {event.seconds:.1f} s",
        file=sys.stdout,
    )


def run_info(options: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(options.file)
    record, config = checkpoint.record, checkpoint.train_config
    summary = {
        "file": str(options.file),
        "bytes": options.file.stat().st_size,
        "parameters": sum(tensor.numel() for tensor in checkpoint.model().parameters()),
        "codes": 0 if checkpoint.codes is None else len(checkpoint.codes),
        "resumable": bool(checkpoint.training),
        "model_config": dataclasses.asdict(checkpoint.model_config),
        "train_config": dataclasses.asdict(config) if config else None,
        "record": dataclasses.asdict(record) if record else None,
    }
    if options.json:
        print(json.dumps(summary))
        return 0
    for name, value in summary.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, entry in value.items():
                print(f"  {key}: {f'{len(entry)} epochs' if key == 'history' else entry}")
        else:
            print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
