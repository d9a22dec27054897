"""How a town chooses: its rules, its run cards, and what weighs how much."""

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from qipan.tenancy import District, in_shadow, shadow_of
from qipan.tenancy.dispatch_rules import NO_RULES, DispatchRules, Rule, RunCard
from services.dispatch.travel import USUAL_TRAVEL, ByRoadFactor, TravelTime

Value = TypeVar("Value", str, int, float)


@dataclass(frozen=True)
class Policy:
    """A town's way of choosing, as its pack says.

    automatic     a case is offered as it is filed; otherwise it waits for a dispatcher, recommendation ready
    together      cases filed together are matched with workers as a whole (`matching`)
    most_each     open cases a worker may have before nobody is added; 0: any number
    load_minutes  how many minutes of travel one open case more outweighs
    dispatchers   on whose lists lies what nobody was found for
    """

    rules: DispatchRules = NO_RULES
    zone: tzinfo = UTC
    automatic: bool = True
    together: bool = False
    most_each: int = 0
    load_minutes: float = 15.0
    travel: TravelTime = USUAL_TRAVEL
    dispatchers: tuple[str, ...] = ()
    _about: dict[str, tuple[Rule, ...]] = field(default_factory=dict, compare=False, repr=False)
    _cards: dict[str, tuple[RunCard, ...]] = field(default_factory=dict, compare=False, repr=False)

    def about(self, matter: str) -> tuple[Rule, ...]:
        """The rules that can hold for a matter, in their order."""
        found = self._about.get(matter)
        if found is None:
            found = tuple(rule for rule in self.rules.rules if rule.when.concerns(matter))
            self._about[matter] = found
        return found

    def cards_about(self, matter: str) -> tuple[RunCard, ...]:
        """The run cards that can hold for a matter, in their order."""
        found = self._cards.get(matter)
        if found is None:
            found = tuple(card for card in self.rules.cards if card.when.concerns(matter))
            self._cards[matter] = found
        return found

    def waits_for(self, case_id: str) -> str | None:
        """The one dispatcher by name who sees to a case that nobody was found for; the same every time."""
        if not self.dispatchers:
            return None
        return self.dispatchers[sum(case_id.encode()) % len(self.dispatchers)]


def together(district: District, tenant: str) -> bool:
    """Whether what the tenant files together is matched with its workers as a whole."""
    return district.setting(tenant, "dispatch.match", "one-by-one") == "optimal"


def policy_of(district: District, tenant: str) -> Policy:
    """The policy that a tenant's pack describes."""

    def setting(key: str, default: Value) -> Value:
        return district.setting(tenant, f"dispatch.{key}", default)

    return Policy(
        rules=district.dispatch_rules(tenant),
        zone=ZoneInfo(district.zone),
        automatic=setting("choose", "automatic") == "automatic",
        together=together(district, tenant),
        most_each=setting("most-each", 0),
        load_minutes=setting("load-minutes", 15.0),
        travel=ByRoadFactor(setting("road-factor", 1.3), setting("speed-kmh", 20.0)),
        dispatchers=_dispatchers(district, tenant),
    )


def _dispatchers(district: District, tenant: str) -> tuple[str, ...]:
    """The tenant's own dispatchers; where it has none, the district's."""
    own = tuple(p.id for p in district.people_of(tenant) if "dispatcher" in p.roles)
    shadow = shadow_of(tenant)
    top = in_shadow(district.id, shadow) if shadow else district.id
    return own or tuple(p.id for p in district.people_of(top) if "dispatcher" in p.roles)


USUAL_POLICY = Policy()
