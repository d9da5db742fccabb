"""A simulated day against a running gateway: the simulator with the settings' address and the tokens of the embedded mode."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from arrivals.runtime.reference_writer import token_digest
from arrivals.runtime.settings import Settings
from schemas.base import format_instant
from schemas.errors import Misconfigured
from serving.login_codes import LoginCodes
from serving.run_api import login_folder


def all_tokens(settings: Settings) -> dict[str, str]:
    """The tokens the embedded mode made, by `role:scope`. Raises Misconfigured where there are none."""
    path = settings.data_dir / "secrets" / "tokens.json"
    try:
        found: dict[str, str] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise Misconfigured("tokens_missing", f"{path} does not exist.", "Start the embedded stack once: arrivals up") from None
    return found


def device_token(settings: Settings, site: str) -> str:
    """The token of a site's device."""
    token = all_tokens(settings).get(f"device:{site}")
    if token is None:
        raise Misconfigured("token_missing", f"There is no token for the site {site}.", "Give one with --token-file.")
    return token


def site_tokens(settings: Settings) -> dict[str, str]:
    """Device tokens by site."""
    tokens = all_tokens(settings).items()
    return {name.removeprefix("device:"): token for name, token in tokens if name.startswith("device:")}


def gateway_url(settings: Settings) -> str:
    """Where the gateway answers."""
    return f"http://{settings.gateway_host}:{settings.gateway_port}"


def play_day(settings: Settings, *, day: date, rate: int, people: int, seed: int, history: Path | None) -> Any:
    """Plays a day; returns the simulator's summary."""
    from producers.simulator.day import DayPlan
    from producers.simulator.sending import Sending
    from producers.simulator.simulate import simulate
    from reference.gazetteer import load_gazetteer

    outboxes = settings.data_dir / "outbox"
    outboxes.mkdir(parents=True, exist_ok=True)
    sending = Sending(rate=rate, work_dir=outboxes, history=history, simulated_clock=settings.simulated_clock)
    plan = DayPlan(day=day, people=people, seed=seed, gazetteer=load_gazetteer())
    return simulate(plan, gateway_url(settings), site_tokens(settings), sending)


def play_checkins(settings: Settings, day: date, seed: int) -> None:
    """Posts the health check-ins of a sample day. Raises Refused, Unavailable."""
    from producers.client import GatewayClient
    from producers.kinds import CHECKINS
    from producers.simulator.checkins import plan_checkins

    tokens = site_tokens(settings)

    async def post() -> None:
        async with GatewayClient(gateway_url(settings), path=CHECKINS.path) as client:
            for planned in plan_checkins(day, seed):
                headers = {"X-Simulated-Now": format_instant(planned.at)} if settings.simulated_clock else {}
                await client.deliver([orjson.dumps(checkin) for checkin in planned.checkins], tokens[planned.county], headers)

    asyncio.run(post())


def login_link(settings: Settings) -> str:
    """A link that opens the console as administrator, once, within ten minutes; the code behind the # is never sent in a URL."""
    digest = token_digest(all_tokens(settings)["administrator:*"])
    code = LoginCodes(login_folder(settings)).issue(digest)
    return f"http://{settings.api_host}:{settings.api_port}/login#code={code}"
