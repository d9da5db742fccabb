"""Contacts of an arrival: `/v1/contacts` for machines, `/arrivals/{id}/contacts` for people; and the order that makes them tasks.

For county and health desks only, and of arrivals they see. For everybody else, and for every other arrival, there is nothing.
Guarantee: that somebody reads contacts is a line of the audit trail before they are shown.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import TypeAdapter, ValidationError
from starlette.responses import RedirectResponse, Response

from serving.access import EVERYONE, TRACING, Principal, tracing_restriction
from serving.authentication import EVERYBODY, Allow, identify, same_origin
from serving.contact_list import Found
from serving.contact_tasks import Tasks, order_of, tied, told_tasks
from serving.contact_view import contacts_view
from serving.contacts import Contacts
from serving.duties.commands import rejection
from serving.pages import Pages
from serving.problems import not_found
from serving.request_body import read_body, read_choices
from serving.routes_desk import own_page
from serving.routes_explanation import in_hands
from serving.routes_units import answer
from serving.services import Services

_DESCRIPTION = """Who travelled with an arrival: the same train and coach, road coach, vehicle or party, or the same checkpoint
within minutes. Each contact with the rules that join the two, their source, the strength and the distance in rows.

People who are another unit's appear masked, with the unit that answers for them. Reading is noted in the audit trail."""
_TASKS = """The arrival is a case (`reason`: `confirmed`, `suspected`, `asymptomatic`). Whoever travelled with it as close as
`ties` say (`close` by default) becomes a task of the unit that is accountable for that person now: isolate and test, to be
acknowledged within the time for high risk. The unit is told the rule and its source; who the case is, it is not.

The answer counts by unit. Repeating the order tells nobody twice, and reaches those who were not at the desk yet."""
_LONGEST = 2_000
_ADAPTER = TypeAdapter(Tasks)


def router(services: Services, pages: Pages) -> APIRouter:
    """The routes: for machines, and for people."""
    routes = APIRouter(tags=["units"])
    contacts, allow = Contacts(services.database, services.snapshot), Depends(Allow(services, EVERYBODY))

    @routes.get("/v1/contacts", description=_DESCRIPTION, summary="Contacts", dependencies=[allow])
    async def found(request: Request, arrival: str = Query(description="Event id of an arrival you see")) -> Response:
        return answer(await _read(services, contacts, request.state.who, arrival))

    @routes.post(
        "/v1/arrivals/{event_id}/contact-tasks",
        description=_TASKS,
        summary="Make tasks of the contacts of a case",
        dependencies=[allow, Depends(own_page)],
    )
    async def order(request: Request, event_id: str) -> Response:
        who = _tracing(request.state.who)
        try:
            tasks = _ADAPTER.validate_json(await read_body(request, _LONGEST))
        except ValidationError as error:
            raise rejection(error) from None
        return answer(await _order(services, contacts, who, event_id, tasks))

    _pages(routes, services, pages, contacts)
    return routes


def _pages(routes: APIRouter, services: Services, pages: Pages, contacts: Contacts) -> None:
    @routes.get("/arrivals/{event_id}/contacts", include_in_schema=False)
    async def page(request: Request, event_id: str) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        told, language = await _read(services, contacts, who, event_id), pages.language(request)
        return pages.render(request, "contacts.html", contacts_view(told, language))

    @routes.post("/arrivals/{event_id}/contacts", include_in_schema=False, dependencies=[Depends(same_origin)])
    async def order_from_page(request: Request, event_id: str) -> Response:
        who = await identify(services, request)
        if who is None:
            return RedirectResponse("/login", 303)
        form, language = await read_choices(request), pages.language(request)
        try:
            tasks = Tasks(ties=tuple(form.get("ties", ())), reason=form.get("reason", [""])[0])  # type: ignore[arg-type]
        except ValidationError as error:
            raise rejection(error) from None
        done = await _order(services, contacts, _tracing(who), event_id, tasks)
        told = await _read(services, contacts, who, event_id)
        return pages.render(request, "contacts.html", contacts_view(told, language, done))


def _tracing(who: Principal) -> Principal:
    if who.role not in TRACING:
        raise not_found()
    return who


async def _read(services: Services, contacts: Contacts, who: Principal, event_id: str) -> dict[str, Any]:
    """The contacts of an arrival the principal may trace, noted. Raises Refused (404) for every other id, Unavailable."""
    found, desk = await _found(services, contacts, who, event_id), services.desk
    told = found.told(services.snapshot())
    seen = {"found": told["total"]}
    await desk.run(lambda: desk.store.looked("contacts", event_id, seen, who, desk.situation().now))
    return told


async def _order(services: Services, contacts: Contacts, who: Principal, event_id: str, tasks: Tasks) -> dict[str, Any]:
    """Makes the tasks. Raises Refused (404) for an arrival the principal may not trace, Unavailable."""
    found, desk = await _found(services, contacts, who, event_id), services.desk
    order, now = order_of(event_id, tasks), desk.situation()
    ties = tied(found, order, who, now)
    traced = await desk.run(lambda: desk.store.trace(order, ties, who, now))
    return {"arrival": event_id} | told_tasks(traced, services.snapshot())


async def _found(services: Services, contacts: Contacts, who: Principal, event_id: str) -> Found:
    ask, allowed = services.database.run, tracing_restriction(who)
    found = await ask(lambda: contacts.find(event_id, allowed))
    if found is None and who.role in TRACING and await in_hands(services, who, event_id):
        found = await ask(lambda: contacts.find(event_id, allowed, EVERYONE))
    if found is None:
        raise not_found()
    return found
