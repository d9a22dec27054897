"""Domain time, per tenant. Real time (`datetime.now`) is for deadlines of calls, leases and tokens only."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

EVERYONE = "*"


def _real_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that showed `domain` at the real instant `real` and since then runs `rate` times as fast."""

    domain: datetime
    real: datetime
    rate: float = 1.0

    def at(self, real: datetime) -> datetime:
        """What it shows at a real instant."""
        return self.domain + (real - self.real) * self.rate

    def real_at(self, domain: datetime) -> datetime:
        """The real instant at which it shows `domain`; a clock that stands still never does (ValueError)."""
        if self.rate <= 0:
            raise ValueError("a clock that stands still reaches no other time")
        return self.real + (domain - self.domain) / self.rate


class Clocks:
    """Every tenant's clock: its own, its live tenant's for a shadow, everyone's (`*`), or real time."""

    def __init__(
        self, clocks: Mapping[str, Clock] | None = None, real: Callable[[], datetime] = _real_now
    ) -> None:
        self._clocks = dict(clocks or {})
        self._real = real

    @classmethod
    def real(cls) -> "Clocks":
        """Domain time is real time, for everyone."""
        return cls()

    @classmethod
    def from_json(cls, text: str) -> "Clocks":
        """Read `{"*": {"domain": iso, "real": iso, "rate": 720.0}, "sandun": …}`; empty text is real time.

        Raises ValueError saying which clock is wrong.
        """
        if not text.strip():
            return cls()
        raw = json.loads(text)
        if not isinstance(raw, dict):
            raise ValueError("clocks are a JSON object: tenant (or *) → {domain, real, rate}")
        return cls({tenant: _clock(tenant, value) for tenant, value in raw.items()})

    def to_json(self) -> str:
        """What `from_json` reads."""
        return json.dumps(
            {
                tenant: {
                    "domain": clock.domain.isoformat(),
                    "real": clock.real.isoformat(),
                    "rate": clock.rate,
                }
                for tenant, clock in self._clocks.items()
            }
        )

    def now(self, tenant: str) -> datetime:
        """The tenant's domain time, aware, in UTC."""
        clock = self.of(tenant)
        return self._real() if clock is None else clock.at(self._real())

    def of(self, tenant: str) -> Clock | None:
        """The clock a tenant goes by; None is real time."""
        clocks = self._clocks
        return clocks.get(tenant) or clocks.get(tenant.partition("~")[0]) or clocks.get(EVERYONE)

    @property
    def special(self) -> frozenset[str]:
        """The tenants whose clock is their own, so that `now` of everyone else is one instant."""
        return frozenset(self._clocks) - {EVERYONE}

    def real_delay(self, tenant: str, domain: timedelta) -> timedelta:
        """How long (in real time) a stretch of the tenant's domain time lasts."""
        clock = self.of(tenant)
        if clock is None:
            return domain
        if clock.rate <= 0:
            return timedelta.max
        return domain / clock.rate


class TestClock(Clocks):
    """A double: stands still until told to move. One time for all tenants, unless `set` for one."""

    __test__ = False  # not a test case, whatever pytest thinks of its name

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self._now = now.astimezone(UTC)
        self._own: dict[str, datetime] = {}

    def now(self, tenant: str) -> datetime:
        """The time last set for this tenant, or for everyone."""
        return self._own.get(tenant, self._now)

    def set(self, now: datetime, tenant: str | None = None) -> None:
        """Show another time, to one tenant or to all without a time of their own."""
        if tenant is None:
            self._now = now.astimezone(UTC)
        else:
            self._own[tenant] = now.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        """Move everyone on."""
        self._now += by
        self._own = {tenant: own + by for tenant, own in self._own.items()}


def _clock(tenant: str, raw: Any) -> Clock:
    try:
        domain, real = datetime.fromisoformat(raw["domain"]), datetime.fromisoformat(raw["real"])
        clock = Clock(domain.astimezone(UTC), real.astimezone(UTC), float(raw.get("rate", 1.0)))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the clock of {tenant!r} needs domain and real as ISO times and a rate: {error}"
        ) from error
    if domain.tzinfo is None or real.tzinfo is None or clock.rate < 0:
        raise ValueError(f"the clock of {tenant!r} needs time zones and a rate of 0 or more")
    return clock
