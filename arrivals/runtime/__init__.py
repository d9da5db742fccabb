"""What every part stands on: settings, keys, logs, metrics, health, and the only Kafka and ClickHouse clients."""
