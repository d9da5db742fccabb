"""Every setting of every part, declared once. Read from `ARRIVALS_*` variables and `.env`; unknown names are refused.

Secrets have no default: the embedded mode generates them into `<data_dir>/secrets` on first start, production mounts files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.errors import Misconfigured

PREFIX = "ARRIVALS_"


class Settings(BaseSettings):
    """The settings of one process. Field descriptions are the documentation (`docs/reference/settings.md` is made from them)."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="forbid", frozen=True)

    data_dir: Path = Field(Path(".data"), description="Folder of the embedded servers, secrets, outbox and logs.")
    mode: Literal["embedded", "production"] = Field("embedded", description="Embedded mode makes its own secrets.")

    kafka_bootstrap: str = Field("127.0.0.1:9092", description="Kafka bootstrap servers, comma separated.")
    kafka_topic_prefix: str = Field("", description="Put before every topic name, such as `shangqiu.`.")
    kafka_partition_factor: int = Field(1, ge=1, le=64, description="Multiplies the partition counts of the topic table.")
    kafka_replication: int = Field(1, ge=1, le=5, description="Replicas per partition; 3 in production.")
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="Transport security towards Kafka."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="SASL mechanism where the protocol asks for one."
    )
    kafka_username: str | None = Field(None, description="SASL user.")
    kafka_password_file: Path | None = Field(None, description="File holding the SASL password.")
    kafka_ca_file: Path | None = Field(None, description="CA certificate for TLS towards Kafka.")

    kafka_subscriber_port: int | None = Field(
        None, ge=1, le=65535, description="Port of the embedded Kafka for county systems that log in; none without it."
    )

    clickhouse_host: str = Field("127.0.0.1", description="ClickHouse host.")
    clickhouse_port: int = Field(9000, ge=1, le=65535, description="ClickHouse native port.")
    clickhouse_http_port: int = Field(8123, ge=1, le=65535, description="ClickHouse HTTP port (embedded mode).")
    clickhouse_user: str = Field("arrivals", description="ClickHouse user of the product.")
    clickhouse_password_file: Path | None = Field(
        None, description="File holding the ClickHouse password; embedded: `<data_dir>/secrets/clickhouse`."
    )
    clickhouse_database: str = Field("arrivals", description="ClickHouse database.")
    clickhouse_cluster: str | None = Field(None, description="Cluster name for `ON CLUSTER`; none on one server.")

    keys_file: Path | None = Field(None, description="Key store; embedded: `<data_dir>/secrets/keys.json`.")

    gateway_host: str = Field("127.0.0.1", description="Address the gateway listens on.")
    gateway_port: int = Field(8081, ge=1, le=65535, description="Port the gateway listens on.")
    gateway_confirm_seconds: float = Field(2.0, gt=0, le=10, description="How long Kafka may take to confirm a scan.")
    gateway_max_body_bytes: int = Field(
        2_000_000,
        ge=1_000,
        le=3_000_000,
        description="Largest body, also after decompression; a refused one must fit a dead letter, sealed and in base64.",
    )
    gateway_body_seconds: float = Field(10.0, gt=0, description="How long a device may take to send a body.")
    gateway_rate_per_device: int = Field(2_000, ge=1, description="Scans per second one device may post.")
    gateway_helpers: int = Field(
        0, ge=0, le=64, description="Processes that do the work on large posts beside the gateway; one per core to spare."
    )
    gateway_duplicate_window: int = Field(200_000, ge=0, description="Event ids remembered to answer `duplicate`.")

    api_host: str = Field("127.0.0.1", description="Address the API and the console listen on.")
    api_port: int = Field(8080, ge=1, le=65535, description="Port the API and the console listen on.")

    oidc_issuer: str | None = Field(
        None,
        description="OpenID Connect provider for logging in beside passwords, such as `https://id.example.cn`; none when empty.",
    )
    oidc_client_id: str | None = Field(None, description="Name of the console at the provider.")
    oidc_client_secret_file: Path | None = Field(None, description="File holding the console's secret at the provider.")
    oidc_claim: str = Field(
        "preferred_username", description="Claim of the provider's token that holds the login name of the account."
    )

    desk_url: str | None = Field(
        None, description="Database of the desk: `postgresql+psycopg://user@host/name`; embedded: SQLite under `data_dir`."
    )
    desk_password_file: Path | None = Field(None, description="File holding the password of the desk's database.")
    desk_group: str = Field("desk", description="Consumer group of the desks.")
    desk_metrics_port: int = Field(9103, ge=1, le=65535, description="Port of the desk's health and metrics.")

    metrics_host: str = Field("127.0.0.1", description="Address of the router's, the sink's and the desk's health and metrics.")
    router_group: str = Field("router", description="Consumer group of the routers.")
    router_member: str | None = Field(
        None, description="Stable name of this router among its group (one each): a killed one is back at once."
    )
    router_batch_records: int = Field(2_000, ge=1, le=50_000, description="Most scans decided in one batch.")
    router_metrics_port: int = Field(9101, ge=1, le=65535, description="Port of the router's health and metrics.")
    sink_group: str = Field("sink", description="Consumer group of the sinks.")
    sink_batch_rows: int = Field(20_000, ge=1, description="Most rows in one insert.")
    sink_batch_seconds: float = Field(0.5, gt=0, description="Longest wait before a smaller batch is inserted.")
    sink_metrics_port: int = Field(9102, ge=1, le=65535, description="Port of the sink's health and metrics.")

    reflag_metrics_port: int = Field(9105, ge=1, le=65535, description="Port of the re-flagging part's health and metrics.")
    notify_metrics_port: int = Field(9104, ge=1, le=65535, description="Port of the notifier's health and metrics.")
    webhook_key_file: Path | None = Field(
        None, description="Key the secrets of webhooks follow from (32 random bytes); embedded: `<data_dir>/secrets/webhooks`."
    )
    webhook_store_file: Path | None = Field(
        None, description="SQLite file of the notifier's progress; embedded: `<data_dir>/notify/webhooks.sqlite`."
    )
    webhook_seconds: float = Field(15.0, gt=0, le=60, description="How long a receiver may take to answer.")
    webhook_linger_seconds: float = Field(1.0, ge=0, le=60, description="How long arrivals are gathered into one message.")
    webhook_networks: str = Field(
        "", description="Networks in which receivers may be private and use any port and HTTP, such as `10.20.0.0/16`."
    )
    console_url: str = Field("http://127.0.0.1:8080", description="Where people open the console; links in webhooks begin so.")

    simulated_clock: bool = Field(
        False,
        description="Accept `X-Simulated-Now` from devices: only for replaying a sample day, never in production.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged.")
    log_format: Literal["json", "console"] = Field("json", description="One JSON object, or one readable line, per event.")

    def topic(self, name: str) -> str:
        """The full name of the topic called `name` in `schemas.topics`."""
        return f"{self.kafka_topic_prefix}{name}"

    def secret_path(self, name: str, configured: Path | None) -> Path:
        """Where the secret `name` lies: the configured file, or in embedded mode a file under `data_dir`."""
        if configured is not None:
            return configured
        if self.mode == "production":
            raise Misconfigured("secret_missing", f"No file is set for the secret '{name}'.", "Set its ARRIVALS_*_FILE.")
        return self.data_dir / "secrets" / name

    def webhook_store(self) -> Path:
        """Where the notifier keeps its progress. Raises Misconfigured in production without a file: it must outlive the part."""
        if self.webhook_store_file is not None:
            return self.webhook_store_file
        if self.mode == "production":
            advice = "Set ARRIVALS_WEBHOOK_STORE_FILE to a place that is kept."
            raise Misconfigured("webhook_store", "No file is set for the notifier's progress.", advice)
        return self.data_dir / "notify" / "webhooks.sqlite"


def load_settings(**overrides: object) -> Settings:
    """Reads the settings, refusing variables that start with `ARRIVALS_` but name nothing.

    Raises Misconfigured naming every wrong variable, without its value.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise Misconfigured("setting_unknown", f"Unknown settings: {', '.join(unknown)}.", "See docs/reference/settings.md.")
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"{PREFIX}{'.'.join(map(str, e['loc']))}: {e['msg']}".upper() for e in error.errors())
        raise Misconfigured("setting_invalid", f"Wrong settings: {wrong}.", "See docs/reference/settings.md.") from None
