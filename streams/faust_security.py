"""How Faust reaches a secured Kafka: the product's settings turned into `faust.App` options."""

from __future__ import annotations

from ssl import create_default_context
from typing import Any

import faust

from arrivals.runtime.kafka_clients import connection
from arrivals.runtime.settings import Settings


def faust_credentials(settings: Settings) -> dict[str, Any]:
    """What `faust.App` needs to reach Kafka under these settings beyond the server names; empty without security."""
    if settings.kafka_security_protocol == "PLAINTEXT":
        return {}
    context = create_default_context(cafile=str(settings.kafka_ca_file) if settings.kafka_ca_file else None)
    if settings.kafka_security_protocol == "SSL":
        return {"broker_credentials": faust.SSLCredentials(context)}
    config = connection(settings)
    secure = settings.kafka_security_protocol == "SASL_SSL"
    return {
        "broker_credentials": faust.SASLCredentials(
            username=config["sasl_plain_username"],
            password=config["sasl_plain_password"],
            mechanism=config["sasl_mechanism"],
            ssl_context=context if secure else None,
        )
    }
