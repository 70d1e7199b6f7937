"""What visitors own on the server: one model each, kept under a token that only their browser holds.

A page that is reloaded, or that Gradio reloads after the network dropped, is a new session; the token leads it back to its
model. How many models are kept, and for how long, is bounded; whose model went is told so.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
import weakref
from collections import OrderedDict
from typing import TYPE_CHECKING

from aae.own_data import OwnImages
from aae.ui.memory import give_back_soon

if TYPE_CHECKING:
    from aae.ui.session import ShownModel
    from aae.ui.training_show import Story

RUN_ENDS_SECONDS = 6.0
"""A reloaded page waits at most this long for the run of the page before to end and leave its model."""
REMEMBERED = 1000
"""Owners of models that went, who can still be told so."""


class Visitor:
    """One page of one visitor; lives in that page's session and goes with it. The model is in `models`, under `token`.

    No dataclass: Gradio would turn one that is a state's first value into a dictionary.
    """

    def __init__(self, models: KeptModels | None = None) -> None:
        self.models = KeptModels() if models is None else models
        self.token = self.models.issue()
        self.open = False  # whether the page is there; never true for a program that uses the API alone
        self.images: OwnImages | None = None  # a zip of theirs to train on; lives as long as the page
        self.sliders = 0  # most that this page has shown
        self.running = False
        self.stopped = False  # the last run ended before its time
        self.story: Story | None = None  # the curves of the run that `own` is the state of
        self._lock = threading.Lock()
        self.models.know(self)

    def __deepcopy__(self, memo: dict[int, object]) -> Visitor:
        return Visitor(self.models)  # Gradio copies a state's first value for each new session

    @property
    def own(self) -> ShownModel | None:
        """This visitor's model, if there is one; asking counts as use."""
        return self.models.get(self)

    @property
    def lost(self) -> str:
        """One sentence that says why this visitor's model went; empty if it is there, or if there never was one."""
        return self.models.why_gone(self.token)

    def begin(self) -> bool:
        """Claim this visitor's one run; false if one is under way."""
        with self._lock:
            claimed, self.running = not self.running, True
            return claimed

    def keep(self, shown: ShownModel) -> None:
        """Make `shown` this visitor's model; the one before goes."""
        self.models.put(self, shown)

    def adopt(self, token: object) -> None:
        """Take the token that the browser has kept, if we issued it, and wait until a run under it has left its model."""
        if self.models.issued(token):
            self.token = str(token)
            self.models.wait_for_closed_pages(self)
        self.open = True

    def leave(self) -> None:
        """The page is closed: its model is kept for a while, for a reload."""
        self.open = False
        self.images = None
        self.models.get(self)  # the while starts now

    def close(self) -> None:
        """Give this visitor's model up now."""
        self.models.drop(self.token)


class KeptModels:
    """The models of all visitors, bounded in number, memory and time; the one unused longest goes first.

    Args:
        most: models kept at a time.
        most_bytes: memory that they may take together.
        seconds: how long a model is kept once no page of its owner is open.
    """

    def __init__(self, most: int = 50, most_bytes: int = 1 << 30, seconds: float = 1800.0) -> None:
        self.most, self.most_bytes, self.seconds = most, most_bytes, seconds
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[str, ShownModel] = OrderedDict()  # by token, the one unused longest first
        self._used: dict[str, float] = {}
        self._pages: weakref.WeakSet[Visitor] = weakref.WeakSet()
        self._gone: OrderedDict[str, str] = OrderedDict()  # why a token has no model any more
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    def issue(self) -> str:
        """A new token. It is signed, so that one without a model yet needs no memory, and nobody can make up another."""
        name = secrets.token_urlsafe(16)
        return f"{name}.{self._signature(name)}"

    def issued(self, token: object) -> bool:
        """Whether this is a token of ours, since the server started."""
        if not isinstance(token, str) or not token.isascii() or len(token) > 100:
            return False
        name, _, signature = token.partition(".")
        return hmac.compare_digest(signature, self._signature(name))

    def _signature(self, name: str) -> str:
        return hmac.new(self._key, name.encode(), hashlib.sha256).hexdigest()[:32]

    def put(self, visitor: Visitor, shown: ShownModel) -> None:
        """Keep this model for that visitor; makes room by giving up those unused longest."""
        with self._lock:
            self.drop(visitor.token)
            self._kept[visitor.token] = shown
            self._gone.pop(visitor.token, None)
            self._touch(visitor)
            self._arm()
            while len(self._kept) > 1 and (len(self._kept) > self.most or self.nbytes > self.most_bytes):
                self._forget(
                    next(iter(self._kept)),
                    "Your model was given up to make room for those of others, as it was unused the longest: train it anew.",
                )

    def get(self, visitor: Visitor) -> ShownModel | None:
        with self._lock:
            if visitor.token in self._kept:
                self._touch(visitor)
            return self._kept.get(visitor.token)

    def why_gone(self, token: str) -> str:
        return self._gone.get(token, "")

    def drop(self, token: str) -> None:
        """Give the model under this token up without a word."""
        with self._lock:
            if token in self._kept:
                self._forget(token, "")

    def know(self, visitor: Visitor) -> None:
        """A page of this visitor, for as long as its session lives."""
        with self._lock:
            self._pages.add(visitor)

    def wait_for_closed_pages(self, visitor: Visitor, seconds: float = RUN_ENDS_SECONDS) -> None:
        """Wait, at most so long, until runs of closed pages with this visitor's token have ended and left their model."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._lock:
                if not any(page.running and not page.open and page.token == visitor.token for page in self._pages):
                    return
            time.sleep(0.05)

    @property
    def nbytes(self) -> int:
        """Memory that the models take, in bytes."""
        with self._lock:
            return sum(shown.nbytes for shown in self._kept.values())

    def __len__(self) -> int:
        return len(self._kept)

    def sweep(self) -> None:
        """Give up what has been kept for long enough after its last page was closed."""
        with self._lock:
            open_tokens = {page.token for page in self._pages if page.open}
            for token in [token for token in self._kept if token not in open_tokens]:
                if time.monotonic() - self._used[token] >= self.seconds:
                    minutes = f"{self.seconds / 60:.0f} minutes"
                    self._forget(token, f"Your model was given up {minutes} after its page was closed: train it anew.")
                    give_back_soon()

    def _touch(self, visitor: Visitor) -> None:
        if visitor.token in self._kept:
            self._kept.move_to_end(visitor.token)
            self._used[visitor.token] = time.monotonic()

    def _forget(self, token: str, why: str) -> None:
        self._kept.pop(token).remove_files()
        del self._used[token]
        if why:
            self._gone[token] = why
            while len(self._gone) > REMEMBERED:
                self._gone.popitem(last=False)

    def _arm(self) -> None:
        """See to it that `sweep` is called as long as there is something to give up."""
        if self._timer is None and self._kept:
            self._timer = threading.Timer(max(self.seconds / 10, 0.05), self._tick)
            self._timer.daemon = True
            self._timer.start()

    def _tick(self) -> None:
        with self._lock:
            self._timer = None
            self.sweep()
            self._arm()
