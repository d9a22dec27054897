"""The reference of figures: `python -m qipan.observability.reference [--check]`."""

import sys
from collections.abc import Iterator

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from qipan import generated
from qipan.observability import metrics

PAGE = "figures.md"

_HEAD = """# Figures

What `/metrics` of Qipan's processes tells, beside `process_…` (CPU, memory, files, start), which every client of
Prometheus has. `service` is the service's name, for a town's own process, too: Prometheus adds which process it asked
(`serves`, `instance`). Tenants beyond the first 400 are counted as `other`. How they are watched:
[watching](../operate/watching.md).

<!-- made by `python -m qipan.observability.reference`; do not edit -->

| figure | kind | labels | meaning |
|---|---|---|---|
"""

Row = tuple[str, str, tuple[str, ...], str]


def rows() -> list[Row]:
    """Name, kind, labels and meaning of each, by name."""
    return sorted({*_kept(), *_read()})


def as_text() -> str:
    """The page."""
    lines = [
        f"| `{name}` | {kind} | {' '.join(f'`{label}`' for label in labels)} | {meaning} |"
        for name, kind, labels, meaning in rows()
    ]
    return _HEAD + "\n".join(lines) + "\n"


def _kept() -> Iterator[Row]:
    for figure in vars(metrics).values():
        if isinstance(figure, Counter | Gauge | Histogram):
            (family,) = figure.collect()
            yield _row(family, tuple(figure._labelnames))


def _read() -> Iterator[Row]:
    """Those that are asked for at each scrape; without anything to ask they only say what they are."""
    found: list[Collector] = [each for each in vars(metrics).values() if isinstance(each, metrics.Census)]
    for figure in (*found, metrics.Pool("", dict), metrics.RelayCpu("", float)):
        (family,) = figure.collect()
        yield _row(family, tuple(getattr(family, "_labelnames", ())))


def _row(family: Metric, labels: tuple[str, ...]) -> Row:
    end = "_total" if family.type == "counter" else ""
    return f"{family.name}{end}", family.type, labels, family.documentation


if __name__ == "__main__":
    sys.exit(generated.main(PAGE, as_text()))
