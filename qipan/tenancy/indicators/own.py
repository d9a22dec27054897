"""A town's own indicators: `[indicators.<id>]` of its pack, formulas over the district's counters."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from qipan.tenancy.indicators.counters import COUNTERS, PENDING
from qipan.tenancy.indicators.formula import Indicator, Sum, Unit
from qipan.tenancy.indicators.model import IndicatorModel
from qipan.tenancy.indicators.standard import INDICATORS
from qipan.tenancy.words import Words

KNOWN = frozenset({*COUNTERS, *PENDING})
"""What a formula may be over."""


def faults(models: Mapping[str, IndicatorModel]) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What is wrong: the key within `indicators`, what, and what would be allowed."""
    for id, model in models.items():
        if id in {indicator.id for indicator in INDICATORS}:
            yield (id,), f"{id!r} is the district's own", "a name of its own"
        for part in ("numerator", "denominator"):
            for written in getattr(model, part):
                name = written.removeprefix("-")
                if name not in KNOWN:
                    near = get_close_matches(name, KNOWN, n=3) or sorted(KNOWN)
                    yield (id, part), f"there is no counter {name!r}", ", ".join(near)


def build(models: Mapping[str, IndicatorModel]) -> tuple[Indicator, ...]:
    """The indicators; `models` must be without faults."""
    return tuple(_indicator(id, model) for id, model in models.items())


def _indicator(id: str, model: IndicatorModel) -> Indicator:
    above, below = _sum(model.numerator), _sum(model.denominator)
    return Indicator(
        id=id,
        name=Words(model.name.zh, model.name.en),
        numerator=above,
        denominator=below,
        formula=Words(f"{above} ÷ {below}", f"{above} ÷ {below}"),
        unit=Unit(model.unit),
        source=model.source,
        less_is_better=model.better == "less",
    )


def _sum(written: list[str]) -> Sum:
    plus = tuple(name for name in written if not name.startswith("-"))
    minus = tuple(name.removeprefix("-") for name in written if name.startswith("-"))
    return Sum(plus, minus)
