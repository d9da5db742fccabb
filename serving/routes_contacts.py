"""Contacts of an arrival: `/v1/contacts` for machines, `/arrivals/{id}/contacts` for people.

For county and health desks only, and of arrivals they see. For everybody else, and for every other arrival, there is nothing.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.access import Principal, tracing_restriction
from serving.authentication import EVERYBODY, Allow, identify
from serving.contact_view import contacts_view
from serving.contacts import Contacts
from serving.pages import Pages
from serving.problems import not_found
from serving.routes_units import answer
from serving.services import Services

_DESCRIPTION = """Who travelled with an arrival: the same train and coach, road coach, vehicle or party, or the same checkpoint
within minutes. Each contact with the rules that join the two, their source, the strength and the distance in rows.

People who are another unit's appear masked, with the unit that answers for them."""


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["units"])
    contacts = Contacts(services.database, services.snapshot)

    @routes.get("/v1/contacts", description=_DESCRIPTION, summary="Contacts", dependencies=[Depends(Allow(services, EVERYBODY))])
    async def found(request: Request, arrival: str = Query(description="Event id of an arrival you see")) -> Response:
        return answer(await _contacts(services, contacts, request.state.who, arrival))

    @routes.get("/arrivals/{event_id}/contacts", include_in_schema=False)
    async def page(request: Request, event_id: str) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        told, language = await _contacts(services, contacts, who, event_id), pages.language(request)
        return pages.render(request, "contacts.html", contacts_view(told, language))

    return routes


async def _contacts(services: Services, contacts: Contacts, who: Principal, event_id: str) -> dict[str, Any]:
    """The contacts of an arrival the principal may trace. Raises Refused (404) for every other id."""
    told = await services.database.run(lambda: contacts.of(event_id, tracing_restriction(who)))
    if told is None:
        raise not_found()
    return told
