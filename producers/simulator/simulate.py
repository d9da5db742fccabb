"""Plays a sample day: the one call behind `arrivals simulate`, the demonstration and the torture tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rich.console import Console

from producers.client import GatewayClient
from producers.progress import progress
from producers.simulator.day import DayPlan
from producers.simulator.history import History
from producers.simulator.sending import Sender, Sending
from producers.simulator.summary import Summary


def simulate(plan: DayPlan, gateway: str, tokens: Mapping[str, str], sending: Sending, console: Console | None = None) -> Summary:
    """Posts the plan to the gateway (a URL) with a token per site id, and returns what it was answered.

    Survives outages of the gateway and the broker: see `producers.simulator.sending`. Raises Refused when a token is not known,
    Misconfigured when one is missing.
    """
    return asyncio.run(_simulate(plan, gateway, tokens, sending, console))


async def _simulate(plan: DayPlan, gateway: str, tokens: Mapping[str, str], sending: Sending, console: Console | None) -> Summary:
    with History(sending.history) as history, progress(f"day {plan.day}", None, console) as advance:
        async with GatewayClient(gateway, sending.patience) as client:
            return await Sender(client, tokens, sending, history).play(plan, advance)
