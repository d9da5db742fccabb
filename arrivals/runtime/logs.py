"""Structured logs on standard error: one line per event, times in UTC, line breaks and control characters escaped.

What may be logged is decided by the caller: codes, counts, coordinates, ids. Never a name, number, address or payload.
"""

from __future__ import annotations

import logging
import sys

import structlog

from arrivals.runtime.settings import Settings

_NOISY = ("kafka", "aiokafka", "faust", "asyncio", "mode", "_granian")


def configure_logs(settings: Settings, part: str) -> structlog.stdlib.BoundLogger:
    """Sets up logging for this process and returns its logger, bound to the name of the part."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(part).bind(part=part)
    return logger
