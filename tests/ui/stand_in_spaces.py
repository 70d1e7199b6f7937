"""A stand-in for Hugging Face's `spaces` on ZeroGPU, after the behaviour of spaces 0.51: one forked worker serves all calls.

Arguments and what is yielded cross through multiprocessing's queues; whatever else the function changes stays in the worker,
and is still there at the next call.
"""

from __future__ import annotations

import multiprocessing
import types

context = multiprocessing.get_context("fork")


class Worker:
    """The process that runs a generator function, call after call."""

    def __init__(self, function) -> None:
        self.arguments, self.results, self.stop = context.SimpleQueue(), context.SimpleQueue(), context.Event()
        self.process = context.Process(target=self.serve, args=(function,), daemon=True)
        self.process.start()

    def serve(self, function) -> None:
        while (args := self.arguments.get()) is not None:
            self.stop.clear()
            updates = function(*args)
            try:
                for update in updates:
                    if self.stop.is_set():
                        updates.close()
                        break
                    self.results.put(("value", update))
                self.results.put(("end", None))
            except Exception as error:  # noqa: BLE001
                self.results.put(("error", type(error).__name__))  # all that ZeroGPU hands back

    def end(self) -> None:
        self.arguments.put(None)
        self.process.join(10)


class StandIn(types.ModuleType):
    """The module; `durations` has the seconds that were asked for."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.durations: list[int] = []
        self.workers: dict[object, Worker] = {}

    def GPU(self, function, *, duration):
        def called(*args):
            self.durations.append(duration(*args))
            if function not in self.workers:
                self.workers[function] = Worker(function)
            worker = self.workers[function]
            worker.arguments.put(args)
            ended = False
            try:
                while not ended:
                    kind, value = worker.results.get()
                    ended = kind != "value"
                    if kind == "error":
                        raise RuntimeError(value)
                    if kind == "value":
                        yield value
            finally:
                if not ended:
                    worker.stop.set()
                    while worker.results.get()[0] == "value":
                        pass

        return called

    def end(self) -> None:
        for worker in self.workers.values():
            worker.end()
