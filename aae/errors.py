"""What can go wrong for a user: each error carries one plain sentence that says what to do.

The command line prints the sentence and exits with status 2; the page shows it in place. Anything that is not an
``AAEError`` is a bug of ours.
"""

from __future__ import annotations


class AAEError(Exception):
    """Base of every error a user can cause or meet; ``str(error)`` is one sentence fit to be shown."""


class ConfigError(AAEError, ValueError):
    """A setting is unknown, of the wrong type, or outside its range."""


class DataError(AAEError):
    """Images cannot be had or are not what they should be."""


class CheckpointError(AAEError):
    """A checkpoint file cannot be read, is not ours, or cannot be written."""


class TrainingError(AAEError):
    """Training cannot start or go on."""
