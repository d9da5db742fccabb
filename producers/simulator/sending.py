"""Sends a plan's posts to the gateway at a steady rate, whatever the answers take (open loop), and books every answer.

Delivery guarantee: each scan is posted with the same bytes until it is answered or the patience ends; devices without
network keep theirs in a
real outbox on disk. A scan that stays unanswered is named in the history as `unconfirmed`; the same plan run again posts
it again.
When the gateway is away the number of posts in flight is bounded, and the schedule is caught up afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from producers.client import CONTENT_REFUSED, GatewayClient, Patience, Reply, ScanAnswer
from producers.outbox import Outbox
from producers.progress import Advance, silent
from producers.simulator.day import DayPlan
from producers.simulator.history import History
from producers.simulator.posts import PlannedScan, Post
from producers.simulator.summary import UNCONFIRMED, Summary
from schemas.base import format_instant
from schemas.errors import Misconfigured, Reason, Refused, Unavailable


@dataclass(frozen=True)
class Sending:
    """How to send: `rate` in scans per second; `work_dir` takes the outboxes, `history` the answers, if given."""

    rate: float
    work_dir: Path
    history: Path | None = None
    simulated_clock: bool = True
    posts_in_flight: int = 256
    patience: Patience = field(default_factory=Patience)


class Sender:
    """Plays one plan once."""

    def __init__(self, client: GatewayClient, tokens: Mapping[str, str], sending: Sending, history: History) -> None:
        self.summary = Summary()
        self._client = client
        self._tokens = tokens
        self._sending = sending
        self._history = history
        self._advance: Advance = silent
        self._gave_up = False
        self._slots = asyncio.Semaphore(sending.posts_in_flight)
        self._in_flight: dict[str, asyncio.Task[None]] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._kept: dict[str, PlannedScan] = {}

    async def play(self, plan: DayPlan, advance: Advance = silent) -> Summary:
        """Sends everything and waits for every answer. Raises Refused when the gateway does not know a device."""
        missing = sorted(site.site_id for site in plan.sites if site.site_id not in self._tokens)
        if missing:
            raise Misconfigured("token_missing", f"No token for {', '.join(missing)}.", "Load the sample sites first.")
        self._advance = advance
        started = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                await self._pace(plan, group, started)
        except ExceptionGroup as failed:
            raise (failed.subgroup(Refused) or failed).exceptions[0] from failed
        finally:
            for outbox in self._outboxes.values():
                outbox.close()
        self.summary.http_errors = self._client.faults
        self.summary.elapsed_seconds = time.monotonic() - started
        return self.summary

    async def _pace(self, plan: DayPlan, group: asyncio.TaskGroup, started: float) -> None:
        sent = 0
        for post in plan.posts():
            ahead = started + sent / self._sending.rate - time.monotonic()
            self.summary.behind_seconds = max(self.summary.behind_seconds, -ahead)
            await asyncio.sleep(max(0.0, ahead))
            sent += len(post.scans)
            if post.how == "keep":
                self._keep(post)
                continue
            await self._slots.acquire()
            work = self._reconnect(post) if post.how == "reconnect" else self._post(post)
            task = group.create_task(work)
            for scan in post.scans:
                self._in_flight.setdefault(scan.event_id, task)

    async def _post(self, post: Post) -> None:
        try:
            await self._wait_for(post)
            self._check_gateway()
            reply = await self._client.post(post.body, self._tokens[post.site_id], self._headers(post))
            self.summary.posts += 1
            self._book(post, self._answers(post, reply))
        except Unavailable:
            self._gave_up = self._gave_up or self._client.silent()
            self._book(post, (None,) * len(post.scans))
        finally:
            self._slots.release()
            for scan in post.scans:
                if self._in_flight.get(scan.event_id) is asyncio.current_task():
                    del self._in_flight[scan.event_id]

    def _check_gateway(self) -> None:
        """Once the patience has ended without any answer, the rest of the day is booked as unconfirmed without trying."""
        if self._gave_up:
            raise Unavailable("gateway_unavailable", "The gateway did not answer for too long.")

    async def _wait_for(self, post: Post) -> None:
        """A repeat is sent only after the first post has its answer, so that first and second are what they are called."""
        for event_id in post.after:
            first = self._in_flight.get(event_id)
            if first is not None and first is not asyncio.current_task():
                await asyncio.wait((first,))

    def _answers(self, post: Post, reply: Reply) -> tuple[ScanAnswer | None, ...]:
        """One answer per scan; where the whole post was refused, its problem for each."""
        if len(reply.answers) == len(post.scans):
            return reply.answers
        problem = reply.problem or Reason("", "answers_missing", "not one answer per scan", "网关没有逐条答复")
        bad = all(scan.kind.startswith("bad") for scan in post.scans)
        if reply.status not in CONTENT_REFUSED and not bad:
            raise Refused(problem.code, f"The gateway refuses {post.site_id}: {problem.message}.", reply.status)
        return tuple(ScanAnswer(scan.event_id, "rejected", (problem,)) for scan in post.scans)

    def _book(self, post: Post, answers: tuple[ScanAnswer | None, ...]) -> None:
        for scan, answer in zip(post.scans, answers, strict=True):
            status = self.summary.count(scan, answer)
            self._history.write(post.at, post.site_id, scan, status, answer)
        self._advance(len(post.scans), self._note())

    def _keep(self, post: Post) -> None:
        """Writes into the device's outbox; a few milliseconds of this loop each, as each is forced to the disk."""
        outbox = self._outboxes.get(post.site_id)
        if outbox is None:
            outbox = Outbox(self._sending.work_dir / f"{post.site_id}.outbox")
            self._outboxes[post.site_id] = outbox
        for scan in post.scans:
            self._kept[scan.event_id] = scan
            outbox.put(scan.event_id, scan.body)

    async def _reconnect(self, post: Post) -> None:
        """Flushes the outbox of a device whose network is back."""
        outbox = self._outboxes.get(post.site_id)

        def book(event_id: str, answer: ScanAnswer) -> None:
            scan = self._kept.pop(event_id, None) or PlannedScan(event_id, "late", b"")
            self._history.write(post.at, post.site_id, scan, self.summary.count(scan, answer), answer)
            self._advance(1, self._note())

        try:
            if outbox is not None:
                self._check_gateway()
                await outbox.flush(self._client, self._tokens[post.site_id], self._headers(post), on_answer=book)
        except Unavailable:
            for event_id, _ in outbox.oldest(outbox.waiting()) if outbox else ():
                scan = self._kept.pop(event_id)
                self.summary.count(scan, None)
                self._history.write(post.at, post.site_id, scan, UNCONFIRMED, None)
        finally:
            self._slots.release()

    def _headers(self, post: Post) -> dict[str, str]:
        headers = dict(post.headers)
        if self._sending.simulated_clock:
            headers["X-Simulated-Now"] = format_instant(post.at)
        return headers

    def _note(self) -> str:
        counts = self.summary
        answered = f"accepted {counts.accepted:,} · duplicate {counts.duplicates:,} · rejected {counts.rejected:,}"
        return f"{answered} · retries {self._client.faults.total():,}"
