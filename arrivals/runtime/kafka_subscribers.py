"""Credentials of county systems that read `arrivals` with a Kafka client of their own: a name, a password, and only reading.

Each has a SCRAM user and three rules: to read and describe the topic `arrivals`, and to read in consumer groups whose id begins
with its name and a dot. Kafka asks the rules at every request: whoever is removed gets nothing more on an open connection either.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, SecurityDisabledError

from arrivals.runtime.kafka_clients import make_admin
from arrivals.runtime.settings import Settings
from schemas.errors import Misconfigured, Rejected, Unavailable

_NAME = re.compile(r"[a-z][a-z0-9-]{2,39}", re.ASCII)
_MECHANISM, _ITERATIONS, _PASSWORD_BYTES = ScramMechanism.SCRAM_SHA_512, 8_192, 32


def add(settings: Settings, name: str) -> str:
    """Makes a subscriber and returns its password, which is kept nowhere. Raises Rejected, Misconfigured, Unavailable."""
    if not _NAME.fullmatch(name):
        raise Rejected("subscriber_name", "A name has 3 to 40 small letters, digits and dashes, a letter first.")
    with _admin(settings) as admin:
        if name in _names(admin):
            raise Rejected(
                "subscriber_known", f"{name} is a subscriber already; `arrivals subscribers rotate` changes its password."
            )
        if admin.create_acls(_rules(settings, name))["failed"]:
            raise Unavailable("kafka_rules", f"Kafka did not take the rules of {name}.")
        return _password(admin, name)


def rotate(settings: Settings, name: str) -> str:
    """Gives a subscriber another password and returns it; the old one opens no new connection. Raises Rejected."""
    with _admin(settings) as admin:
        _known(admin, name)
        return _password(admin, name)


def remove(settings: Settings, name: str) -> None:
    """Takes a subscriber's rules and its password away; it reads nothing more from then on. Raises Rejected."""
    with _admin(settings) as admin:
        _known(admin, name)
        admin.delete_acls([_any_rule(f"User:{name}")])
        _altered(admin.alter_user_scram_credentials([UserScramCredentialDeletion(name, _MECHANISM)]), name)


def subscribers(settings: Settings) -> list[str]:
    """The names of those who may read `arrivals` with a client of their own."""
    with _admin(settings) as admin:
        return sorted(_names(admin))


def _rules(settings: Settings, name: str) -> list[ACL]:
    topic = ResourcePattern(ResourceType.TOPIC, settings.topic("arrivals"))
    groups = ResourcePattern(ResourceType.GROUP, f"{name}.", ACLResourcePatternType.PREFIXED)
    wanted = ((ACLOperation.READ, topic), (ACLOperation.DESCRIBE, topic), (ACLOperation.READ, groups))
    return [ACL(f"User:{name}", "*", operation, ACLPermissionType.ALLOW, pattern) for operation, pattern in wanted]


def _any_rule(principal: str | None, kind: ResourceType = ResourceType.ANY) -> ACLFilter:
    anything = ResourcePatternFilter(kind, None, ACLResourcePatternType.ANY)
    return ACLFilter(principal, None, ACLOperation.ANY, ACLPermissionType.ANY, anything)


def _names(admin: KafkaAdminClient) -> set[str]:
    """Whoever has groups under its own name; the parts of the system have other rules, or none."""
    rules, _ = admin.describe_acls(_any_rule(None, ResourceType.GROUP))
    named = {rule.principal.removeprefix("User:"): rule.resource_pattern.resource_name for rule in rules}
    return {name for name, groups in named.items() if groups == f"{name}."}


def _known(admin: KafkaAdminClient, name: str) -> None:
    if name not in _names(admin):
        raise Rejected("subscriber_unknown", f"There is no subscriber {name}; `arrivals subscribers list` names them.")


def _password(admin: KafkaAdminClient, name: str) -> str:
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    wanted = UserScramCredentialUpsertion(name, _MECHANISM, password, _ITERATIONS)
    _altered(admin.alter_user_scram_credentials([wanted]), name)
    return password


def _altered(told: dict[str, str | None], name: str) -> None:
    if told.get(name):
        raise Unavailable("kafka_credentials", f"Kafka did not change the credentials of {name}: {told[name]}")


@contextmanager
def _admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    try:
        admin = make_admin(settings)
    except KafkaError as error:
        raise Unavailable("kafka_unreachable", f"Kafka at {settings.kafka_bootstrap} cannot be reached.") from error
    try:
        yield admin
    except SecurityDisabledError:
        raise Misconfigured("kafka_authorizer", "This Kafka has no authorizer.", "See docs/kafka-subscribers.md.") from None
    except KafkaError as error:
        raise Unavailable("kafka_admin", f"Kafka refused an administrative request ({type(error).__name__}).") from error
    finally:
        admin.close()
