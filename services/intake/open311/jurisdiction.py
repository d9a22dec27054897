"""Which town a request is for: GeoReport's jurisdiction is a town of the district."""

from collections.abc import Mapping, Sequence

from qipan.tenancy import District
from services.intake.open311.refusals import NOT_THERE, Refused, trouble

Params = Mapping[str, Sequence[str]]
"""What a query string or a form holds: every value of each name, in order."""


def first(params: Params, name: str) -> str | None:
    """The value of an argument; an empty one counts as none (GeoReport v2, "Optional Arguments")."""
    return next((value.strip() for value in params.get(name, ()) if value.strip()), None)


def jurisdiction_of(params: Params, district: District) -> str:
    """The town's id; Refused with 400 when none is named although there are several, 404 for no town of ours."""
    towns = [town.id for town in district.towns]
    named = first(params, "jurisdiction_id")
    if named is None and len(towns) == 1:
        return towns[0]
    if named is None:
        raise Refused(
            [
                trouble(
                    f"缺少 jurisdiction_id（可用：{', '.join(towns)}）",
                    f"jurisdiction_id was not provided (allowed: {', '.join(towns)})",
                )
            ]
        )
    if named not in towns:
        raise Refused(
            [
                trouble(
                    f"没有 jurisdiction_id {named[:60]!r}（可用：{', '.join(towns)}）",
                    f"jurisdiction_id {named[:60]!r} was not found (allowed: {', '.join(towns)})",
                    NOT_THERE,
                )
            ]
        )
    return named
