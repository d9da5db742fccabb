"""What the routes need, built once by `run_api` (or by a test) and passed to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from arrivals.runtime.metrics import Metrics
from arrivals.runtime.oidc_client import OidcClient
from reference.snapshot import Snapshot
from schemas.reference_rows import ReferenceRow
from serving.accounts.administration import Administration
from serving.accounts.entrance import Entrance
from serving.board import Board
from serving.database import Database
from serving.desk.desk import Desk
from serving.desk.revealing import Revealing
from serving.hub import Hub
from serving.login_codes import LoginCodes
from serving.sessions import Sessions
from serving.unit_stream import UnitStreams


@dataclass(frozen=True, slots=True)
class Services:
    """The parts behind the API. `now` is the wall clock in local time; `secure` says that browsers come over HTTPS.

    `append` puts rows on the reference and answers with their offsets; it blocks, so it is called in a thread.
    """

    snapshot: Callable[[], Snapshot]
    now: Callable[[], datetime]
    database: Database
    hub: Hub
    streams: UnitStreams
    board: Board
    sessions: Sessions
    entrance: Entrance
    administration: Administration
    login_codes: LoginCodes
    oidc: OidcClient | None
    metrics: Metrics
    append: Callable[[Sequence[ReferenceRow]], Sequence[int]]
    secure: bool
    desk: Desk
    revealing: Revealing
    checks: Mapping[str, Callable[[], str | None]] = field(default_factory=dict)

    def close(self) -> None:
        """Waits for what runs in threads and closes the databases."""
        for part in (self.entrance, self.sessions, self.desk, self.database):
            part.close()
