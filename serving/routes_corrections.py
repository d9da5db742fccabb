"""`POST /v1/arrivals/{id}/corrections`: a person who knows better says where somebody goes or came from.

Guarantee: 202 means that the correction is on the `reference` topic, acknowledged by all in-sync replicas. It beats the machine
from then on; the new version of the arrival follows on `arrivals`. Sent twice it is two rows that say the same and one new
version.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import orjson
from fastapi import APIRouter, Body, Depends, Request
from pydantic import Field
from starlette.responses import Response

from reference.correcting import correction_row
from schemas.base import AreaCode, ShortText, Strict, UnitCode
from schemas.reference_rows import CorrectionData, Role
from serving.authentication import Allow, same_origin
from serving.routes_explanation import stored_arrival
from serving.services import Services

#: A county's desk corrects its own arrivals, the city everybody's.
CORRECTING: frozenset[Role] = frozenset({"county", "administrator"})
_DESCRIPTION = """The true destination (an area, or a unit below a village), the true origin, or both, and why.

It is kept with who said it, beats the machine from now on, and whoever answers for the person then sees a new version.
A correction without any place takes the earlier ones back."""


class Correction(Strict):
    """What is corrected, and why."""

    destination: UnitCode | None = None
    origin: AreaCode | None = None
    reason: Annotated[ShortText, Field(description="How this is known; shown to everybody who sees the arrival.")]


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter(tags=["units"])
    allow = [Depends(Allow(services, CORRECTING))]

    @routes.post(
        "/v1/arrivals/{event_id}/corrections", description=_DESCRIPTION, summary="Correct", dependencies=allow, status_code=202
    )
    async def correct(request: Request, event_id: str, said: Annotated[Correction, Body()]) -> Response:
        if "authorization" not in request.headers:
            await same_origin(request)
        who = request.state.who
        await stored_arrival(services, who, event_id, ("event_id",))
        data = CorrectionData(kind="correction", event_id=event_id, destination=said.destination, origin=said.origin)
        row = correction_row(data, services.snapshot(), services.now(), who.subject, said.reason)
        [version] = await asyncio.to_thread(services.append, [row])
        body = {"row_id": row.row_id, "reference_version": version}
        return Response(orjson.dumps(body), 202, media_type="application/json")

    return routes
