"""The sample day's checkpoints and stations, from `sites.json`: what the demonstration registers and where the simulator posts.

Roads and stations are real, the choice of sites, their shares of the traffic and some county assignments are
simulation parameters.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from schemas.reference_rows import SiteData

Posting = Literal["single", "batch"]


@dataclass(frozen=True, slots=True)
class Site:
    """A site with its reference row, its share of the traffic of its kind, and how its device posts."""

    data: SiteData
    weight: float
    posting: Posting
    #: Whether the device writes times as milliseconds instead of RFC 3339; both are allowed.
    milliseconds: bool

    @property
    def site_id(self) -> str:
        """The id, such as `CP-411426-01` or `ST-SQF`."""
        return self.data.site_id


def load_sites() -> tuple[Site, ...]:
    """All sites of the sample day, checkpoints first."""
    rows = json.loads(files("producers.simulator").joinpath("sites.json").read_text("utf-8"))
    return tuple(
        Site(
            SiteData(kind="site", site_id=r["site_id"], name=r["name"], site_kind=r["site_kind"], county=r["county"]),
            r["weight"],
            r["posting"],
            r.get("milliseconds", False),
        )
        for r in rows
    )
