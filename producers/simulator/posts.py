"""What the plan hands to the sender: posts in order of simulated time, with what is known of each scan inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

#: `post`: to the gateway now. `keep`: into the outbox of a device without network. `reconnect`: that outbox is flushed.
How = Literal["post", "keep", "reconnect"]


@dataclass(frozen=True, slots=True)
class PlannedScan:
    """One scan as it will be posted. `kind` is `live`, `late`, `repeat`, `conflict` or `bad:<fault>`.

    `truth` is the code of the true destination (or a word where there is none), `way` how the destination was written.
    """

    event_id: str
    kind: str
    body: bytes
    truth: str = ""
    way: str = ""


@dataclass(frozen=True, slots=True)
class Post:
    """One request, or one step of an outbox, at a simulated time. It is not sent before the posts holding the ids of
    `after` are answered.
    """

    at: datetime
    site_id: str
    how: How = "post"
    scans: tuple[PlannedScan, ...] = ()
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    after: tuple[str, ...] = ()


def single(at: datetime, site_id: str, scan: PlannedScan, after: tuple[str, ...] = ()) -> Post:
    """A post of one scan as a JSON object."""
    return Post(at, site_id, "post", (scan,), scan.body, after=after)


def batch(at: datetime, site_id: str, scans: tuple[PlannedScan, ...], after: tuple[str, ...] = ()) -> Post:
    """A post of several scans as a JSON array."""
    return Post(at, site_id, "post", scans, b"[" + b",".join(scan.body for scan in scans) + b"]", after=after)
