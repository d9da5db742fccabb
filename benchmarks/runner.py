"""Runs a benchmark by name and adds what a reader needs to judge it: the machine and the versions."""

from __future__ import annotations

import os
import platform
from importlib import import_module
from importlib.metadata import version
from typing import Any

MODULES = {
    "router": "benchmarks.router_engine",
    "sink": "benchmarks.sink",
    "gateway": "benchmarks.gateway",
    "latency": "benchmarks.latency",
    "resolver": "benchmarks.resolver",
    "domain": "benchmarks.domain",
    "reflag": "benchmarks.reflag",
    "contacts": "benchmarks.contacts",
    "page": "benchmarks.page",
}


def run_benchmark(name: str, *, peers: bool) -> dict[str, Any]:
    """The figures of one benchmark, and the machine they were taken on. `name` is a key of `MODULES`."""
    result: dict[str, Any] = import_module(MODULES[name]).run(peers=peers)
    return result | {"machine": machine()}


def machine() -> str:
    """Processor, cores, Python and load, in one line."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), platform.machine())
    load = os.getloadavg()[0]
    packages = ", ".join(f"{p} {version(p)}" for p in ("faust-streaming", "kafka-python", "clickhouse-driver", "chdb"))
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}; {packages}"
