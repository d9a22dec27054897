"""What is written in a pack's files: ids, codes, limits, points, hours of the day."""

from typing import Annotated

from pydantic import AfterValidator, Field

from qipan.worktime import Limit

Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}$")]
UnitId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
MatterCode = Annotated[str, Field(pattern=r"^(s:\d{5}|x-[a-z][a-z0-9-]{1,30}:[a-z]{2}:\d{5})$")]
AttributeCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
Setting = str | int | float | bool | list[str]


def _is_limit(text: str) -> str:
    Limit.parse(text)
    return text


def _is_point(point: list[float]) -> list[float]:
    if len(point) != 2 or not (-180 <= point[0] <= 180 and -90 <= point[1] <= 90):
        raise ValueError("a point is longitude and latitude in degrees")
    return point


LimitText = Annotated[str, AfterValidator(_is_limit)]
PhoneText = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ()-]{2,29}$")]
UrlText = Annotated[str, Field(pattern=r"^https?://[^\s<>\"]{1,280}$")]
PointList = Annotated[list[float], AfterValidator(_is_point)]
