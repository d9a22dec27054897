"""What the door accepts and answers: the shapes of its JSON. Unknown fields are refused."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, RootModel

from qipan.contracts.responsible import Responsible
from qipan.territory.coordinates import System

LONGEST_TEXT = 4000

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]
Short = Annotated[str, Field(min_length=1, max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Phone = Annotated[str, Field(pattern=r"^\+?[0-9][0-9 ()-]{2,29}$")]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")]
Link = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s<>\"]+$")]
Key = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
TenantId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,30}(~[a-z0-9-]{1,20})?$")]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,29}$")]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]

Words = dict[Literal["zh", "en"], str]
ComponentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
IMPORT_CHANNEL = "import"
"""What an imported row came through when it does not say."""

LARGEST_BATCH = 200
MOST_READINGS = 500


class Form(BaseModel):
    """What somebody outside sends: fields are known, numbers finite, text has no blanks around it."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class Contact(Form):
    """How to reach the reporter; stays in intake and is never told to whoever handles the case."""

    name: Name | None = None
    phone: Phone | None = None
    email: Email | None = None


class ReportForm(Form):
    """One report 上报: what is wrong, and where: degrees, a component's id, or an address.

    A hotline operator adds the caller's `contact` and the call's own `call_id`; who the operator is says the token.
    An `anonymous` one keeps no account and no contact. `reference` is the number that it has in the system that
    sends it, and makes a repeat harmless as an idempotency key does.
    """

    text: Text
    lon: Longitude | None = None
    lat: Latitude | None = None
    coordinate_system: System = System.WGS84
    address: Short | None = None
    matter: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    channel: Word | None = None
    contact: Contact | None = None
    anonymous: bool = False
    call_id: Key | None = None
    self_disposed: bool = False
    tenant: TenantId | None = None
    component: ComponentId | None = None
    reference: Key | None = None


class BatchLine(ReportForm):
    """One report of a batch, with the idempotency key it would have had in a header of its own."""

    key: Key | None = None


class ImportLine(ReportForm):
    """One row of an import: its key is the idempotency key, and is required."""

    key: Key
    channel: Word | None = IMPORT_CHANNEL


class RatingForm(Form):
    """好差评: 1 is the worst, 5 the best."""

    rating: Annotated[int, Field(ge=1, le=5, strict=True)]
    note: Annotated[str, Field(max_length=1000)] = ""


class ReopeningForm(Form):
    """重开: why the reporter wants the case taken up again."""

    reason: Annotated[str, Field(min_length=1, max_length=1000)]


class CommentForm(Form):
    """What a reporter wants to add."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]


class UpdatesForm(Form):
    """Where a reporter wants to be told by mail what becomes of the report, and in which language."""

    email: Email
    language: Literal["zh", "en"] = "zh"


class ReadingForm(Form):
    """One measurement of a device. `reading_id` is the device's own and makes a repeat harmless."""

    reading_id: Key
    device: Key
    quantity: Word
    value: float
    unit: Annotated[str, Field(min_length=1, max_length=20)]
    lon: Longitude
    lat: Latitude
    observed_at: AwareDatetime | None = None


class Readings(RootModel[Annotated[tuple[ReadingForm, ...], Field(min_length=1, max_length=MOST_READINGS)]]):
    """What one device sends at once."""


class Links(BaseModel):
    """Where to go on from here."""

    self: str
    rating: str
    photos: str
    comments: str


class ReportAccepted(BaseModel):
    """The report is stored. `token` opens its public status to the reporter; a repeat gets the same."""

    report_id: str
    tenant: str
    status: Literal["received"] = "received"
    token: str
    links: Links


class LineVerdict(BaseModel):
    """What became of one line of a batch: the answer, or the problem document it would have got alone."""

    line: int
    status: int
    report: ReportAccepted | None = None
    problem: dict[str, JsonValue] | None = None


class BatchVerdict(BaseModel):
    """One verdict for each line, in order."""

    accepted: int
    refused: int
    results: tuple[LineVerdict, ...]


class RowVerdict(BaseModel):
    """What became of the row that begins at `line` of the file: the report, or the problem it would have got alone."""

    line: int
    key: str | None = None
    status: int
    report_id: str | None = None
    tenant: str | None = None
    repeated: bool = False
    problem: dict[str, JsonValue] | None = None


class ImportVerdict(BaseModel):
    """One verdict for each row, in order. `repeated` are those of the accepted that had been stored before."""

    rows: int
    accepted: int
    repeated: int
    refused: int
    results: tuple[RowVerdict, ...]


class ReadingsAccepted(BaseModel):
    """How many readings were new, and how many had been stored before."""

    stored: int
    repeated: int


class PhotoAdded(BaseModel):
    """A photo of the report, as it is kept: size in pixels and bytes, and where to see it."""

    photo_id: str
    media_type: str
    width: int
    height: int
    bytes: int
    added_at: datetime
    link: str


class PublicStep(BaseModel):
    """A status that the report, or the case that it became, reached then."""

    status: str
    words: Words
    at: datetime


class PublicComment(BaseModel):
    """What the reporter added."""

    comment_id: str
    text: str
    at: datetime


class ComponentShown(BaseModel):
    """部件: something that stands in the street and has an id, as anybody may know it (WGS-84 degrees).

    `kind` is the code of its class (GB/T 47678.5); a `synthetic` one is made up for a demonstration.
    """

    id: str
    kind: str
    name: dict[Literal["zh", "en"], str]
    town: str
    lon: float
    lat: float
    synthetic: bool


class PublicRectification(BaseModel):
    """整改: what the unit is to put right after a poor rating, and how far that is. Times are domain time, UTC."""

    status: str
    words: Words
    opened_at: datetime
    due_at: datetime
    answer: str | None = None
    answered_at: datetime | None = None
    closed_at: datetime | None = None


class PublicStatus(BaseModel):
    """What the reporter may know: a stable word, and plain words for people. Times are domain time, UTC.

    A merged report also shows how far the report has come that it was joined to; a declined one, `responsible`,
    who sees to the matter instead, where the town knows. `reopen_until`: until when a closed case may be reopened.
    """

    report_id: str
    tenant: str
    status: str
    words: Words
    responsible: Responsible | None = None
    received_at: datetime
    changed_at: datetime
    case_id: str | None = None
    merged_into: str | None = None
    original_status: str | None = None
    original_words: Words | None = None
    rating: int | None = None
    reopen_until: datetime | None = None
    rectification: PublicRectification | None = None
    timeline: tuple[PublicStep, ...] = ()
    comments: tuple[PublicComment, ...] = ()
    photos: tuple[PhotoAdded, ...] = ()


class RatingAccepted(BaseModel):
    """The rating is stored and on its way to the case."""

    report_id: str
    rating: int


class ReopeningAccepted(BaseModel):
    """The case is on its way to whoever takes it up again."""

    report_id: str
    reopened_at: datetime


class UpdatesAccepted(BaseModel):
    """Whether the reporter is told of changes from now on."""

    report_id: str
    wanted: bool


class CommentAccepted(BaseModel):
    """The comment is stored and on its way to those who see to the matter."""

    report_id: str
    comment_id: str
    at: datetime
