"""A client whose broker is away tries again and again; what failed keeps neither a file descriptor nor a thread."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from arrivals.embedded.ports import free_port
from arrivals.runtime.kafka_opening import opened


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("client", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_attempts_in_vain_leave_nothing_open(client: Callable[..., Any]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    gc.collect()
    gc.disable()
    try:
        files, threads = open_files(), threading.active_count()
        for _ in range(3):
            with pytest.raises(KafkaError):
                opened(client, bootstrap_servers=nobody, bootstrap_timeout_ms=300, reconnect_backoff_ms=50)
        assert (open_files(), threading.active_count()) == (files, threads)
    finally:
        gc.enable()
