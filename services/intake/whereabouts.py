"""Where a report's place is: by its coordinates, or by the landmark that its address names."""

from dataclasses import dataclass

from qipan.access.principal import Principal
from qipan.contracts.case import Located
from qipan.contracts.errors import AmbiguousPlace, Fault, Invalid, UnknownPlace
from qipan.territory.coordinates import to_wgs84
from qipan.territory.gazetteer import Finding, Gazetteer, Match
from services.intake.forms import ReportForm

PLACE_LIKENESS = 0.85
BY_GAZETTEER = "gazetteer"


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A point in WGS-84 degrees, and how it was found if it was not given."""

    lon: float
    lat: float
    located: Located | None = None


def whereabouts(
    form: ReportForm, reporter: Principal | None, gazetteer: Gazetteer, likeness: float
) -> Whereabouts:
    """The place that the report gives or names; coordinates go before the address.

    Of places called alike, the one in the town named, or else in the reporter's own, is meant. Raises Invalid
    when the report does not say where, UnknownPlace, or AmbiguousPlace with the places it may mean.
    """
    if form.lon is not None and form.lat is not None:
        return Whereabouts(*to_wgs84(form.lon, form.lat, form.coordinate_system))
    if form.lon is not None or form.lat is not None:
        missing = "lat" if form.lat is None else "lon"
        raise Invalid(faults=(Fault(where=missing, what="is required", allowed="lon and lat, or neither"),))
    if form.address is None:
        fault = Fault(
            where="lon, lat",
            what="the report does not say where",
            allowed="lon and lat, or an address that names a landmark",
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
