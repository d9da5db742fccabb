"""The scope of every route: who is let in, and what answers somebody else. A route that is not listed here fails a test. Pure.

- `public`: needs no credential and shows nothing of anybody.
- `session`: opens or ends a session, or a page that sends a stranger to the login.
- `unit`: the unit in the path, by `serving.access.may_view`; a foreign one answers 404 like one that does not exist.
- `arrival`: the arrival in the path or the question, by what the caller is to it; a foreign one answers 404 like one that does
  not exist.
- `arrivals`: arrivals named in the body, each as `arrival`.
- `analyst`: roles that may count (403 for others), confined to their county.
- `administrator`: administrators alone (403 for others).
- `credential`: any valid credential; shows nothing of anybody.
"""

from __future__ import annotations

from typing import Literal

Scope = Literal["public", "session", "unit", "arrival", "arrivals", "analyst", "administrator", "credential"]

SCOPES: dict[tuple[str, str], Scope] = {
    ("GET", "/healthz"): "public",
    ("GET", "/readyz"): "public",
    ("GET", "/metrics"): "public",
    ("GET", "/openapi.json"): "public",
    ("GET", "/docs"): "public",
    ("GET", "/static"): "public",
    ("GET", "/worker.js"): "public",
    ("GET", "/offline"): "public",
    ("GET", "/login"): "session",
    ("POST", "/login"): "session",
    ("GET", "/login/oidc"): "session",
    ("GET", "/login/oidc/callback"): "session",
    ("POST", "/logout"): "session",
    ("GET", "/session"): "session",
    ("GET", "/password"): "session",
    ("POST", "/password"): "session",
    ("GET", "/"): "session",
    ("GET", "/analysis"): "session",
    ("GET", "/grades"): "session",
    ("GET", "/units/{unit}"): "unit",
    ("GET", "/units/{unit}/duties"): "unit",
    ("GET", "/units/{unit}/roster"): "unit",
    ("POST", "/units/{unit}/roster"): "unit",
    ("GET", "/arrivals/{event_id}"): "arrival",
    ("GET", "/v1/units/{unit}/arrivals"): "unit",
    ("GET", "/v1/units/{unit}/stream"): "unit",
    ("GET", "/v1/units/{unit}/duties"): "unit",
    ("GET", "/v1/units/{unit}/roster"): "unit",
    ("GET", "/v1/units/{unit}/observations"): "unit",
    ("GET", "/v1/arrivals/{event_id}/explanation"): "arrival",
    ("GET", "/v1/arrivals/{event_id}/grades"): "arrival",
    ("GET", "/v1/arrivals/{event_id}/duty"): "arrival",
    ("GET", "/v1/contacts"): "arrival",
    ("GET", "/arrivals/{event_id}/contacts"): "arrival",
    ("POST", "/arrivals/{event_id}/contacts"): "arrival",
    ("POST", "/v1/arrivals/{event_id}/contact-tasks"): "arrival",
    ("POST", "/v1/arrivals/{event_id}/corrections"): "arrival",
    ("POST", "/v1/arrivals/{event_id}/actions"): "arrival",
    ("POST", "/v1/arrivals/{event_id}/reveal"): "arrival",
    ("POST", "/v1/arrivals/{event_id}/notes"): "arrival",
    ("POST", "/v1/arrivals/actions"): "arrivals",
    ("GET", "/v1/areas/{area}/units"): "credential",
    ("GET", "/v1/reference/grades"): "credential",
    ("GET", "/v1/reference/proposals"): "credential",
    ("GET", "/v1/overview"): "analyst",
    ("GET", "/v1/overview/stream"): "analyst",
    ("GET", "/v1/queries"): "analyst",
    ("GET", "/v1/queries/{name}"): "analyst",
    ("GET", "/v1/flows"): "analyst",
    ("GET", "/v1/reports/daily"): "analyst",
    ("GET", "/accounts"): "administrator",
    ("POST", "/accounts"): "administrator",
    ("GET", "/v1/accounts"): "administrator",
    ("POST", "/v1/accounts"): "administrator",
    ("GET", "/v1/accounts/{login}"): "administrator",
    ("POST", "/v1/accounts/{login}/actions"): "administrator",
    ("GET", "/v1/audit-trail"): "administrator",
    ("GET", "/v1/audit-trail/verification"): "administrator",
}
