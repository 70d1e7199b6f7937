"""A visitor's page without a browser: the requests, the heartbeat and the event streams that a browser would have."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from gradio_client.utils import apply_diff


@dataclass
class Findings:
    """What the visitors met."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    """Frames a second of each run while all visitors were there."""
    updates: int = 0

    def took(self, what: str, started: float) -> None:
        self.seconds.setdefault(what, []).append(time.perf_counter() - started)

    def check(self, right: bool, what: str) -> None:
        """An answer came; note it as lost if it is not the one that was asked for."""
        self.updates += 1
        if not right:
            self.lost.append(what)


class Page:
    """One visitor's page: a session, its open connections, and the events behind its components."""

    def __init__(self, client: httpx.AsyncClient, findings: Findings) -> None:
        self.client, self.findings = client, findings
        self.session = secrets.token_hex(6)
        self.event_id = ""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Page]:
        """The page as a browser loads it, until the tab is closed."""
        started = time.perf_counter()
        (await self.client.get("/")).raise_for_status()
        config = (await self.client.get("/config")).raise_for_status().json()
        self.findings.took("page", started)
        self.events = [d for d in config["dependencies"] if d["backend_fn"]]
        self.ids = {c["props"]["elem_id"]: c["id"] for c in config["components"] if c["props"].get("elem_id")}
        self.names = {number: elem_id for elem_id, number in self.ids.items()}
        self.stored = next(c["id"] for c in config["components"] if "storage_key" in c["props"])  # what the browser keeps
        self.values = {c["id"]: c["props"].get("value") for c in config["components"]}
        heartbeat = asyncio.create_task(self._heartbeat())
        try:
            for event in self.events:
                if any(target[1] == "load" for target in event["targets"]):
                    await self.run(event, {})
            yield self
        finally:
            heartbeat.cancel()
            await asyncio.gather(heartbeat, return_exceptions=True)

    async def _heartbeat(self) -> None:
        async with self.client.stream("GET", f"/gradio_api/heartbeat/{self.session}", timeout=None) as stream:
            async for _ in stream.aiter_lines():
                pass

    def event(self, elem_id: str, name: str) -> dict[str, Any]:
        """The event with a Python function that this happening at that component triggers."""
        return next(d for d in self.events if (self.ids[elem_id], name) in [tuple(target) for target in d["targets"]])

    def body(self, event: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
        """A request with the page's values, but for those at these element ids."""
        values = {**self.values, **{self.ids[elem_id]: value for elem_id, value in changes.items()}}
        return {"data": [values.get(i) for i in event["inputs"]], "fn_index": event["id"], "session_hash": self.session}

    async def run(self, event: dict[str, Any], changes: dict[str, Any]) -> dict[str | None, Any]:
        """An event outside of the queue; the values of its outputs by element id."""
        answer = await self.client.post("/gradio_api/run/predict", json=self.body(event, changes))
        outputs = [self.names.get(number) for number in event["outputs"]]
        return dict(zip(outputs, answer.raise_for_status().json()["data"], strict=True))

    async def queued(self, event: dict[str, Any], changes: dict[str, Any]) -> AsyncIterator[dict[str | None, Any]]:
        """An event in the queue: the values of its outputs by element id, at each update as the page puts them together."""
        answer = await self.client.post("/gradio_api/queue/join", json=self.body(event, changes))
        self.event_id = answer.raise_for_status().json()["event_id"]
        outputs = [self.names.get(number) for number in event["outputs"]]
        whole: list[Any] = []
        query = {"session_hash": self.session}
        async with self.client.stream("GET", "/gradio_api/queue/data", params=query, timeout=None) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message["msg"] == "process_generating":
                    data = message["output"]["data"]
                    whole = [apply_diff(old, new) for old, new in zip(whole, data, strict=True)] if whole else data
                    yield dict(zip(outputs, whole, strict=True))
                if message["msg"] == "process_completed" and not message["success"]:
                    self.findings.errors.append(str(message["output"].get("error")))
                if message["msg"] in ("process_completed", "unexpected_error", "close_stream"):
                    return

    async def cancel(self, event: dict[str, Any]) -> None:
        body = {"session_hash": self.session, "fn_index": event["id"], "event_id": self.event_id}
        (await self.client.post("/gradio_api/cancel", json=body)).raise_for_status()
