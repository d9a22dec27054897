"""The figures every process keeps, for Prometheus. Labels are bounded: strangers' input makes no series."""

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from qipan import __version__

REGISTRY = CollectorRegistry()
MOST_TENANTS = 400
OTHER = "other"

_SECONDS = (0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
_LATENESS = (0.1, 0.5, 2.0, 10.0, 60.0, 600.0)
_TO_SCREEN = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

ProcessCollector(registry=REGISTRY)

REQUESTS = Histogram(
    "qipan_request_duration_seconds",
    "Time taken by HTTP requests, calls and event batches; the count is the rate, `outcome` tells errors.",
    ("service", "method", "outcome", "tenant"),
    buckets=_SECONDS,
    registry=REGISTRY,
)
INBOX_LAG = Histogram(
    "qipan_inbox_lag_seconds",
    "Real time from the sending of an event to the start of its handling.",
    ("service",),
    buckets=_LATENESS,
    registry=REGISTRY,
)
BATCH = Histogram(
    "qipan_batch_messages",
    "Messages handled in one transaction.",
    ("service",),
    buckets=(1, 2, 5, 10, 20, 50),
    registry=REGISTRY,
)
RETRIES = Counter(
    "qipan_retries_total",
    "Messages sent to wait for another attempt.",
    ("service", "type"),
    registry=REGISTRY,
)
DEAD_LETTERS = Counter(
    "qipan_dead_letters_total",
    "Messages given up and kept for a person.",
    ("service", "reason"),
    registry=REGISTRY,
)
DUPLICATES = Counter(
    "qipan_duplicates_total",
    "Messages that had been handled before and were dropped.",
    ("service",),
    registry=REGISTRY,
)
DEADLINES_WITHOUT_YEAR = Counter(
    "qipan_deadlines_without_year_total",
    "Deadlines that reach into a year whose public holidays are not known here.",
    ("year",),
    registry=REGISTRY,
)
DELIVERY_ATTEMPTS = Counter(
    "qipan_delivery_attempts_total",
    "Attempts to send a message to the world outside, by what came of them.",
    ("channel", "outcome"),
    registry=REGISTRY,
)
RELAYED = Counter(
    "qipan_relayed_messages_total",
    "Messages that the outbox relay published and the broker confirmed.",
    ("service",),
    registry=REGISTRY,
)
OUTBOX_DEPTH = Gauge(
    "qipan_outbox_messages", "Messages in the outbox that wait to be sent.", ("service",), registry=REGISTRY
)
OUTBOX_AGE = Gauge(
    "qipan_outbox_oldest_age_seconds",
    "Age of the oldest message that waits in the outbox; 0 when none does.",
    ("service",),
    registry=REGISTRY,
)
TIMER_LATENESS = Histogram(
    "qipan_timer_lateness_seconds",
    "Domain time from a timer's due moment to its firing.",
    ("service", "kind"),
    buckets=_LATENESS,
    registry=REGISTRY,
)
BROKER_CONNECTED = Gauge(
    "qipan_broker_connected",
    "1 while this process is connected to the broker and not blocked by it.",
    ("service",),
    registry=REGISTRY,
)
INDICATORS = Gauge(
    "qipan_indicator",
    "An indicator of a tenant over the league's days, as its unit says; none where there is nothing to divide by.",
    ("tenant", "indicator"),
    registry=REGISTRY,
)
READY = Gauge(
    "qipan_ready",
    "1 while a check on which readiness depends holds, 0 while it does not or does not answer; asked at each scrape.",
    ("service", "check"),
    registry=REGISTRY,
)
TO_SCREEN = Histogram(
    "qipan_accepted_to_screen_seconds",
    "Real time from a report's acceptance until it is on somebody's list: a handler's or dispatcher's when its "
    "case is filed, an acceptor's or grid worker's when it waits for one. Exercises are left out.",
    ("service", "tenant"),
    buckets=_TO_SCREEN,
    registry=REGISTRY,
)
STREAMS = Gauge(
    "qipan_live_streams",
    "Live streams, of cases and of one's own messages, open now.",
    ("service",),
    registry=REGISTRY,
)
STREAM_DROPS = Counter(
    "qipan_live_stream_dropped_total",
    "Happenings not shown on a live stream because its reader was too slow.",
    ("service",),
    registry=REGISTRY,
)
Info("qipan_build", "The version that runs.", registry=REGISTRY).info({"version": __version__})

MOST_SHOWN = 60
"""Tenants whose indicators are shown; each has a series for every indicator of the district."""


def show_indicators(values: Mapping[str, Mapping[str, float | None]]) -> None:
    """Show these indicators by tenant, instead of what was shown; of the first `MOST_SHOWN` tenants."""
    INDICATORS.clear()
    for tenant, measured in list(values.items())[:MOST_SHOWN]:
        for indicator, value in measured.items():
            if value is not None:
                INDICATORS.labels(tenant, indicator).set(value)


class Census(Collector):
    """A gauge all of whose series are told at once, so that one that is gone leaves no last value behind."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self._name, self._documentation, self._labels = name, documentation, labels
        self._values: dict[tuple[str, ...], float] = {}
        REGISTRY.register(self)

    def tell(self, values: Mapping[tuple[str, ...], float]) -> None:
        """These are all there are; the keys are the labels' values. What falls together under `other` is summed."""
        told: dict[tuple[str, ...], float] = {}
        for (tenant, *rest), value in values.items():
            key = (_known(tenant), *rest)
            told[key] = told.get(key, 0.0) + value
        self._values = told

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for key, value in self._values.items():
            family.add_metric(key, value)
        return [family]


UNSEEN = Census(
    "qipan_reports_unseen",
    "Reports accepted between five minutes and a day ago that nobody decided about yet or whose case is not "
    "there: 0, or something is lost or late.",
    ("tenant",),
)
DEAD_OPEN = Census(
    "qipan_dead_letters_open", "Dead letters that nobody has decided about.", ("tenant", "service")
)
DEAD_AGE = Gauge(
    "qipan_dead_letters_oldest_age_seconds",
    "Age of the oldest dead letter that nobody has decided about; 0 when there is none.",
    registry=REGISTRY,
)
SERVING = Census(
    "qipan_serving_instances",
    "Instances of a tenant's own service that hold a lease; 0 while the pack names one and nobody serves.",
    ("tenant", "service"),
)

_children: dict[tuple[str, str, str, str], Histogram] = {}
_tenants: set[str] = set()


def observe(service: str, method: str, outcome: str, tenant: str, seconds: float) -> None:
    """Record one piece of work. `outcome` is `ok` or an error's code, for an event `failed` (each try) or
    `unreadable`; `method` a route, type or handler.

    Tenants beyond the first `MOST_TENANTS` are counted together as `other`. Callers pass tenants that exist
    (a verified principal's or a handled message's), never raw input.
    """
    tenant = _known(tenant)
    key = (service, method, outcome, tenant)
    child = _children.get(key)
    if child is None:
        child = _children[key] = REQUESTS.labels(service, method, outcome, tenant)
    child.observe(seconds)


def observe_on_screen(service: str, tenant: str, seconds: float) -> None:
    """Record how long a live tenant's report took to be on somebody's list, in seconds of real time."""
    TO_SCREEN.labels(service, _known(tenant)).observe(max(0.0, seconds))


def _known(tenant: str) -> str:
    if tenant in _tenants:
        return tenant
    if len(_tenants) >= MOST_TENANTS:
        return OTHER
    _tenants.add(tenant)
    return tenant


class Pool(Collector):
    """A database pool, read at each scrape."""

    def __init__(self, service: str, read: Callable[[], dict[str, int]]) -> None:
        self._service = service
        self._read = read

    def collect(self) -> list[Metric]:
        family = GaugeMetricFamily(
            "qipan_db_pool_connections", "Connections of the database pool.", labels=("service", "state")
        )
        for state, count in self._read().items():
            family.add_metric((self._service, state), count)
        return [family]


def watch_pool(service: str, read: Callable[[], dict[str, int]]) -> None:
    """Show a database pool, read at each scrape: state (`in_use`, `idle`, `overflow`) → connections."""
    REGISTRY.register(Pool(service, read))


class RelayCpu(Collector):
    """The CPU time of a process's relay, read at each scrape."""

    def __init__(self, service: str, read: Callable[[], float]) -> None:
        self._service = service
        self._read = read

    def collect(self) -> list[Metric]:
        family = CounterMetricFamily(
            "qipan_relay_cpu_seconds",
            "CPU time of the outbox relay, part of the process's.",
            labels=("service",),
        )
        family.add_metric((self._service,), self._read())
        return [family]


def watch_relay(service: str, read: Callable[[], float]) -> None:
    """Show the CPU seconds that this process's relay has used, read at each scrape."""
    REGISTRY.register(RelayCpu(service, read))


def page() -> bytes:
    """What `/metrics` answers, in Prometheus' text format."""
    return generate_latest(REGISTRY)


CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
