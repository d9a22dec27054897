"""Whether a report may come in, and as what: where it lies, whose it is, through which channel it came."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from qipan.access.policy import CALL_TAKE, rule_for
from qipan.access.principal import Principal, Role
from qipan.contracts.case import Located
from qipan.contracts.errors import (
    Fault,
    Invalid,
    OutsideTerritory,
    UnknownMatter,
    UnknownTenant,
    WrongTenant,
)
from qipan.contracts.level import Level
from qipan.ids import new_id
from qipan.territory import Location
from qipan.territory.components import Components
from qipan.territory.gazetteer import Gazetteer
from services.intake.digest import canonical_digest, keyed_report_id
from services.intake.forms import ReportForm
from services.intake.whereabouts import PLACE_LIKENESS, Whereabouts, whereabouts

ANONYMOUS = "anonymous"
GRID_CHANNEL = "grid"
HOTLINE_CHANNEL = "hotline"
_CHANNELS = {
    Role.GRID_WORKER: GRID_CHANNEL,
    Role.MACHINE: "sensor",
    Role.SERVICE: "sensor",
    Role.ACCEPTOR: HOTLINE_CHANNEL,
}


class Ground(Protocol):
    """What admission asks of the territory (`qipan.territory.Territory` is one)."""

    def locate(self, lon: float, lat: float, at: datetime | None = None) -> Location | None: ...


class DistrictLike(Protocol):
    """What admission asks of a district (`qipan.tenancy.District` is one)."""

    @property
    def id(self) -> str: ...

    @property
    def territory(self) -> Ground: ...

    @property
    def gazetteer(self) -> Gazetteer: ...

    @property
    def components(self) -> Components: ...

    @property
    def tenants(self) -> Mapping[str, Any]: ...

    def setting(self, tenant: str, key: str, default: float) -> float: ...

    def matters_of(self, tenant: str) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True)
class NewReport:
    """A report that may be stored, its place in WGS-84 degrees; with a client's key comes a `digest`.

    `contact` is how to reach the reporter, sealed (`services.intake.contacts`).
    """

    tenant: str
    report_id: str
    client: str
    digest: str | None
    channel: str
    text: str
    lon: float
    lat: float
    address: str | None
    matter: str | None
    self_disposed: bool
    contact: bytes | None = None
    located: Located | None = None
    component: str | None = None
    call_id: str | None = None
    level: Level | None = None
    reference: str | None = None


def admit(
    form: ReportForm, key: str | None, reporter: Principal | None, district: DistrictLike, at: datetime
) -> NewReport:
    """The report as it will be stored; `at` (domain time) says which cells hold.

    Raises UnknownComponent, UnknownPlace, AmbiguousPlace, OutsideTerritory, WrongTenant, UnknownTenant,
    UnknownMatter or Invalid when one thing is wrong, and Invalid with every fault when several are. A reporter of
    an exercise reports into that exercise only.
    """
    place = _place(form, reporter, district)
    location = None if isinstance(place, Invalid) else district.territory.locate(place.lon, place.lat, at)
    tenant = None if location is None else _shadowed(location.town, reporter)
    wrong = [
        refusal
        for refusal in (
            place if isinstance(place, Invalid) else _place_refusal(location),
            _tenant_refusal(form.tenant, tenant, district),
            _exercise_refusal(tenant, reporter, district),
            _matter_refusal(form.matter, location, district),
            _channel_refusal(form, reporter),
            _anonymous_refusal(form, reporter),
            _call_refusal(form, reporter),
            _reference_refusal(form, reporter),
        )
        if refusal is not None
    ]
    if wrong:
        raise (
            wrong[0] if len(wrong) == 1 else Invalid(faults=tuple(f for error in wrong for f in error.faults))
        )
    assert tenant is not None
    assert isinstance(place, Whereabouts)
    if key is None and form.reference is not None:
        key = f"reference:{form.reference}"
    client = ANONYMOUS if reporter is None or form.anonymous else reporter.sub
    return NewReport(
        tenant=tenant,
        report_id=new_id() if key is None else keyed_report_id(client, tenant, key),
        client=client,
        digest=None if key is None else canonical_digest(form, ReportForm),
        channel=form.channel or channel_of(reporter),
        text=form.text,
        lon=place.lon,
        lat=place.lat,
        address=form.address,
        matter=form.matter or (place.component.matter if place.component else None),
        self_disposed=form.self_disposed,
        located=place.located,
        component=place.component.id if place.component else None,
        call_id=form.call_id,
        reference=form.reference,
    )


def channel_of(reporter: Principal | None) -> str:
    """The channel that a report came through when it does not say: by who sent it."""
    if reporter is not None:
        for role, channel in _CHANNELS.items():
            if role in reporter.roles:
                return channel
    return "citizen"


def _shadowed(town: str, reporter: Principal | None) -> str:
    return f"{town}~{reporter.shadow}" if reporter is not None and reporter.shadow else town


def _place(form: ReportForm, reporter: Principal | None, district: DistrictLike) -> Whereabouts | Invalid:
    likeness = district.setting(district.id, "triage.place-likeness", PLACE_LIKENESS)
    try:
        return whereabouts(form, reporter, district.gazetteer, district.components, likeness)
    except Invalid as refusal:
        return refusal


def _place_refusal(location: Location | None) -> Invalid | None:
    if location is not None:
        return None
    fault = Fault(where="lon, lat", what="lies outside every town", allowed="a place within the district")
    return OutsideTerritory(faults=(fault,))


def _tenant_refusal(named: str | None, found: str | None, district: DistrictLike) -> Invalid | None:
    if named is None or named == found:
        return None
    if named.partition("~")[0] not in district.tenants:
        fault = Fault(
            where="tenant", what=f"there is no tenant {named!r}", allowed="the town's id, or leave it out"
        )
        return UnknownTenant(faults=(fault,))
    if found is None:
        return None
    return WrongTenant(faults=(Fault(where="tenant", what=f"the place lies in {found!r}", allowed=found),))


def _exercise_refusal(
    found: str | None, reporter: Principal | None, district: DistrictLike
) -> Invalid | None:
    if found is None or reporter is None or not reporter.shadow:
        return None
    if reporter.tenant == found or reporter.base == district.id:
        return None
    what = f"the place lies in {found!r}, outside your exercise"
    return WrongTenant(
        faults=(Fault(where="lon, lat", what=what, allowed=f"a place within {reporter.base!r}"),)
    )


def _matter_refusal(matter: str | None, location: Location | None, district: DistrictLike) -> Invalid | None:
    if matter is None or location is None or matter in district.matters_of(location.town):
        return None
    fault = Fault(
        where="matter", what=f"{location.town!r} knows no matter {matter!r}", allowed="a code of the town's"
    )
    return UnknownMatter(faults=(fault,))


def _channel_refusal(form: ReportForm, reporter: Principal | None) -> Invalid | None:
    faults = []
    walks = reporter is not None and Role.GRID_WORKER in reporter.roles
    if form.channel == GRID_CHANNEL and not walks:
        faults.append(
            Fault(
                where="channel",
                what="only a grid worker reports through `grid`",
                allowed="citizen, hotline, …",
            )
        )
    if form.self_disposed and not walks:
        faults.append(
            Fault(where="self_disposed", what="only a grid worker disposes on the spot", allowed="false")
        )
    return Invalid(faults=tuple(faults)) if faults else None


def _anonymous_refusal(form: ReportForm, reporter: Principal | None) -> Invalid | None:
    if not form.anonymous:
        return None
    faults = []
    if reporter is not None and reporter.roles - {Role.CITIZEN}:
        faults.append(Fault(where="anonymous", what="only a citizen reports anonymously", allowed="false"))
    if form.contact is not None:
        faults.append(
            Fault(
                where="contact", what="an anonymous report has none", allowed="leave it out, or `anonymous`"
            )
        )
    return Invalid(faults=tuple(faults)) if faults else None


def _call_refusal(form: ReportForm, reporter: Principal | None) -> Invalid | None:
    if form.call_id is None:
        return None
    faults = []
    rule = rule_for(CALL_TAKE)
    if reporter is None or rule is None or reporter.roles.isdisjoint(rule.scopes):
        what = "only a hotline's operator names a call, signed in"
        faults.append(Fault(where="call_id", what=what, allowed="leave it out"))
    channel = form.channel or channel_of(reporter)
    if channel != HOTLINE_CHANNEL:
        what = f"a call comes through the hotline, not through {channel!r}"
        faults.append(Fault(where="channel", what=what, allowed=HOTLINE_CHANNEL))
    return Invalid(faults=tuple(faults)) if faults else None


def _reference_refusal(form: ReportForm, reporter: Principal | None) -> Invalid | None:
    if form.reference is None or (reporter is not None and Role.SERVICE in reporter.roles):
        return None
    what = "only a tenant's own system, signed in, sends its number"
    return Invalid(faults=(Fault(where="reference", what=what, allowed="leave it out"),))
