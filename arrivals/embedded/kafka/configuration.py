"""The `server.properties` of the embedded Kafka: one broker that is its own controller, on loopback, sized for one machine."""

from __future__ import annotations

DATA = "log"
_MIB = 1 << 20
_SUBSCRIBERS, _LOGIN = "SUBSCRIBERS", "org.apache.kafka.common.security.scram.ScramLoginModule"


def server_properties(port: int, controller_port: int, subscriber_port: int | None = None) -> str:
    """The text of the file: topics are only made on purpose, segments are small enough for retention to work on a small disk.

    On the port of subscribers clients log in with a password (SCRAM-SHA-512) and may do what the rules of Kafka allow them; on
    the first one, which is for the parts of the system on this machine, everything is allowed. The server has to run in its own
    folder: a path would end at a comma, and Java reads this file as Latin-1.
    """
    values: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.bootstrap.servers": f"127.0.0.1:{controller_port}",
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": DATA,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.num.partitions": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.num.partitions": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # After a kill -9 the controller waits for the end of the old session before it lets the broker in again.
        "broker.session.timeout.ms": 4_000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "message.max.bytes": _MIB + 12,
        "log.segment.bytes": 128 * _MIB,
        "log.cleaner.dedupe.buffer.size": 16 * _MIB,
        "metadata.log.segment.bytes": 16 * _MIB,
        "metadata.max.retention.bytes": 64 * _MIB,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 2,
    }
    if subscriber_port:
        values |= _subscribers(values, subscriber_port)
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _subscribers(values: dict[str, object], port: int) -> dict[str, object]:
    """What changes when clients may log in: one listener more, and somebody who asks what they may."""
    place = f"{_SUBSCRIBERS}://127.0.0.1:{port}"
    listener = f"listener.name.{_SUBSCRIBERS.lower()}"
    return {
        "listeners": f"{values['listeners']},{place}",
        "advertised.listeners": f"{values['advertised.listeners']},{place}",
        "listener.security.protocol.map": f"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{_SUBSCRIBERS}:SASL_PLAINTEXT",
        f"{listener}.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        f"{listener}.scram-sha-512.sasl.jaas.config": f"{_LOGIN} required;",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
