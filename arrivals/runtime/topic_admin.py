"""Creates and verifies the topics of `schemas.topics`; never deletes and never shrinks anything."""

from __future__ import annotations

from dataclasses import dataclass

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

from arrivals.runtime.kafka_clients import make_admin
from arrivals.runtime.settings import Settings
from schemas.errors import Unavailable
from schemas.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class TopicState:
    """What was found or done for one topic: `created`, `ok`, or `differs` with the difference in words."""

    name: str
    state: str
    partitions: int
    difference: str = ""


def partitions_of(topic: Topic, settings: Settings) -> int:
    """The partition count of a topic under these settings; single topics always have one."""
    return 1 if topic.single else topic.partitions * settings.kafka_partition_factor


def ensure_topics(settings: Settings, *, create: bool = True) -> list[TopicState]:
    """Creates the missing topics (unless `create` is false) and compares the others. Raises Unavailable when Kafka is away."""
    try:
        admin = make_admin(settings)
    except KafkaError as error:
        raise Unavailable("kafka_unreachable", f"Kafka at {settings.kafka_bootstrap} cannot be reached.") from error
    try:
        existing = {t["name"]: len(t["partitions"]) for t in admin.describe_topics()}
        return [_ensure(admin, topic, settings, existing, create) for topic in TOPICS]
    except KafkaError as error:
        raise Unavailable("kafka_admin", f"Kafka refused an administrative request ({type(error).__name__}).") from error
    finally:
        admin.close()


def _ensure(admin: KafkaAdminClient, topic: Topic, settings: Settings, existing: dict[str, int], create: bool) -> TopicState:
    name, wanted = settings.topic(topic.name), partitions_of(topic, settings)
    if name in existing:
        found = existing[name]
        difference = "" if found >= wanted else f"has {found} partitions, {wanted} wanted"
        return TopicState(name, "differs" if difference else "ok", found, difference)
    if not create:
        return TopicState(name, "differs", 0, "does not exist")
    config = {
        "retention.ms": str(topic.retention_ms),
        "cleanup.policy": "delete",
        "min.insync.replicas": str(max(1, settings.kafka_replication - 1)),
        "max.message.bytes": str(topic.max_bytes),
    }
    try:
        options = {
            "num_partitions": wanted,
            "replication_factor": settings.kafka_replication,
            "configs": config,
        }
        admin.create_topics({name: options}, wait_for_metadata=True)
    except TopicAlreadyExistsError:
        return TopicState(name, "ok", wanted)
    return TopicState(name, "created", wanted)
