"""Where a report's place is: by the component it names, its coordinates, or the landmark in its address."""

from dataclasses import dataclass

from qipan.access.principal import Principal
from qipan.contracts.case import Located
from qipan.contracts.errors import AmbiguousPlace, Fault, Invalid, UnknownComponent, UnknownPlace
from qipan.personal import struck
from qipan.territory.components import Component, Components
from qipan.territory.coordinates import to_wgs84
from qipan.territory.gazetteer import Finding, Gazetteer, Match
from services.intake.forms import ReportForm

PLACE_LIKENESS = 0.85
BY_GAZETTEER = "gazetteer"
BY_COMPONENT = "component"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A point in WGS-84 degrees, how it was found if it was not given, and the component that stands there."""

    lon: float
    lat: float
    located: Located | None = None
    component: Component | None = None


def whereabouts(
    form: ReportForm,
    reporter: Principal | None,
    gazetteer: Gazetteer,
    components: Components,
    likeness: float,
) -> Whereabouts:
    """The place that the report gives or names: the component's, else the coordinates, else the address's.

    A component has its id on a plate, where whoever names it has read it; coordinates are often those of a
    telephone some streets away.

    Of places called alike, the one in the town named, or else in the reporter's own, is meant. Raises Invalid
    when the report does not say where, UnknownComponent, UnknownPlace, or AmbiguousPlace with the places it may mean.
    """
    if form.component is not None:
        return _at_component(form.component, components)
    if form.lon is not None and form.lat is not None:
        return Whereabouts(*to_wgs84(form.lon, form.lat, form.coordinate_system))
    if form.lon is not None or form.lat is not None:
        missing = "lat" if form.lat is None else "lon"
        raise Invalid(faults=(Fault(where=missing, what="is required", allowed="lon and lat, or neither"),))
    if form.address is None:
        fault = Fault(
            where="lon, lat",
            what="the report does not say where",
            allowed="lon and lat, a component, or an address that names a landmark",
        )
        raise Invalid(faults=(fault,))
    named = None if form.tenant is None else form.tenant.partition("~")[0]
    found = gazetteer.find(form.address, likeness, named)
    if found.ambiguous and reporter is not None:
        own = gazetteer.find(form.address, likeness, reporter.base)
        found = found if own.meant is None else own
    if found.meant is None:
        raise _refusal(found)
    return _at(found.meant)


def located_at(component: Component, confidence: float, metres: float) -> Located:
    """How a place was found that is a component's, so many metres from what the report said."""
    return Located(
        by=BY_COMPONENT, name=component.id, confidence=round(confidence, 3), metres=round(metres, 1)
    )


def address_of(written: str | None) -> str | None:
    """An address as a case has it: without the phone numbers and the like that reporters add to it."""
    return None if written is None else struck(written)


def _at_component(id: str, components: Components) -> Whereabouts:
    component = components.get(id)
    if component is None:
        fault = Fault(where="component", what=f"there is no component {id!r}", allowed="the id on its plate")
        raise UnknownComponent(faults=(fault,))
    return Whereabouts(component.lon, component.lat, located_at(component, 1.0, 0.0), component)


def _at(match: Match) -> Whereabouts:
    landmark = match.landmark
    located = Located(
        by=BY_GAZETTEER,
        name=landmark.name_zh,
        confidence=round(match.confidence, 3),
        metres=landmark.reach,
    )
    return Whereabouts(landmark.lon, landmark.lat, located)


def _refusal(found: Finding) -> Invalid:
    candidates = "; ".join(str(match.landmark) for match in found.candidates)
    if found.ambiguous:
        fault = Fault(where="address", what="may mean several places", allowed=candidates)
        return AmbiguousPlace(faults=(fault,))
    allowed = candidates or "the name of a landmark in the district's gazetteer"
    return UnknownPlace(
        faults=(
            Fault(where="address", what="names no landmark known here; add lon and lat", allowed=allowed),
        )
    )
