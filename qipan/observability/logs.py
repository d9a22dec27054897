"""Logs: one JSON object a line for machines, coloured lines for people; personal data stays out of both."""

import logging
import re
import sys
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from qipan.observability import tracing

PERSONAL = frozenset(
    {
        "address",
        "authorization",
        "body",
        "contact",
        "email",
        "id_number",
        "lat",
        "lon",
        "name",
        "password",
        "phone",
        "principal",
        "reporter",
        "text",
        "token",
    }
)
"""Keys whose values never reach a log."""

WITHHELD = "[withheld]"
_TELLING = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d{9}(?!\d)"  # mainland mobile number
    r"|(?<![\dA-Za-z])\d{17}[\dXx](?![\dA-Za-z])"  # resident identity number, GB 11643
    r"|[\w.+-]+@[\w-]+\.[\w.-]+"  # mail address
    r"|eyJ[\w-]+\.[\w-]+\.[\w-]*"  # a signed token
    r"|(?<=://)[^/@\s]+:[^/@\s]+(?=@)"  # user and password in an address
)


def withhold(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take personal data and secrets out of one log entry."""
    for key, value in event.items():
        if key in PERSONAL:
            event[key] = WITHHELD
        elif isinstance(value, str):
            event[key] = _TELLING.sub(WITHHELD, value)
    return event


def _trace(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    trace = tracing.trace_id(tracing.current())
    if trace is not None:
        event["trace"] = trace
    return event


def configure(
    service: str, style: Literal["json", "console"] = "console", level: str = "INFO", tenant: str = ""
) -> None:
    """Set up this process's logs on stderr, library logs included; each line names service and tenant."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _names({"service": service, **({"tenant": tenant} if tenant else {})}),
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _trace,
        structlog.processors.format_exc_info,
        withhold,
    ]
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("amqp", "kombu", "httpx", "httpcore", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _names(names: dict[str, str]) -> Processor:
    """Context variables would be lost in other threads and greenlets; these names hold for all of them."""

    def named(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for name, value in names.items():
            event.setdefault(name, value)
        return event

    return named


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    return structlog.stdlib.get_logger(name)
