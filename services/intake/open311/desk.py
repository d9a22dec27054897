"""Open311's desk: answers from the district's pack and intake's tables. The door itself stores what is posted."""

from datetime import timedelta
from typing import cast

from qipan.access import Principal, authorise
from qipan.access.policy import OPEN311_POST, OPEN311_READ
from qipan.contracts.errors import Unauthenticated
from qipan.storage import Database
from qipan.tenancy import District
from services.intake.accept import Accepted
from services.intake.admission import NewReport
from services.intake.open311 import filters, keys, listing, posting, rows, services, tokens
from services.intake.open311.discovery import changeset_of, discovery
from services.intake.open311.filters import Bounds
from services.intake.open311.jurisdiction import Params, jurisdiction_of
from services.intake.open311.posting import Asked
from services.intake.open311.refusals import NOT_THERE, Refused, trouble
from services.intake.open311.rendering import Document, Plain
from services.intake.tracking import TrackingTokens

SPAN_DAYS, MOST_ROWS = 90, 1000
"""GeoReport v2, GET Service Requests, "Response Volume"; a pack may ask for less."""


class Desk:
    """One door process's: its district and its tables. What it answers is public."""

    def __init__(self, district: District, database: Database, tracking: TrackingTokens) -> None:
        self._district = district
        self._database = database
        self._tracking = tracking
        self._changeset = changeset_of(district.root)

    def discovery(self, base_url: str) -> Document:
        """Which endpoint there is."""
        return discovery(self._district, base_url, self._changeset)

    def services(self, params: Params, language: str) -> Document:
        """The town's service types."""
        return services.service_list(self._district, self._town(params), language)

    def definition(self, code: str, params: Params, language: str) -> Document:
        """One service type's attributes."""
        return services.service_definition(self._district, self._town(params), code, language)

    def requests(self, params: Params, language: str) -> Document:
        """Requests, newest first, by the filters given."""
        tenant = self._town(params)
        with self._database.begin() as work:
            wanted = filters.read(params, work.now(tenant), self._bounds(tenant))
            found = rows.listed(work.conn, tenant, wanted)
        return listing.requests(self._district, tenant, cast(list[listing.Listed], found), language)

    def request(self, id: str, params: Params, language: str) -> Document:
        """One request; Refused with 404 when the town has none of this id."""
        tenant = self._town(params)
        only = filters.Wanted((id,), (), None, filters.Span(), filters.Span(), 1, 0)
        with self._database.begin() as work:
            found = rows.listed(work.conn, tenant, only)
        if not found:
            raise Refused(
                [
                    trouble(
                        f"{tenant} 没有 service_request_id {id[:60]!r}",
                        f"service_request_id {id[:60]!r} was not found in {tenant}",
                        NOT_THERE,
                    )
                ]
            )
        return listing.requests(self._district, tenant, cast(list[listing.Listed], found), language)

    def updates(self, params: Params, language: str) -> Document:
        """What happened to requests, oldest first."""
        tenant = self._town(params)
        with self._database.begin() as work:
            wanted = filters.read_updates(params, work.now(tenant), self._bounds(tenant))
            found = rows.told(work.conn, tenant, wanted)
        return listing.updates(self._district, tenant, cast(list[listing.Told], found), language)

    def token(self, token: str, params: Params) -> Document:
        """The id that a token stands for."""
        return tokens.resolved(self._tracking, self._town(params), token)

    def read(self, form: Params, key: str | None) -> tuple[Asked, Principal]:
        """What a client asks for, and which client it is.

        Unauthenticated without a key that opens, before anything else is looked at; Refused with all that is
        wrong with the form; Forbidden for another town's key.
        """
        with self._database.begin() as work:
            client = keys.bearer(work, key)
        if client is None:
            raise Unauthenticated("api_key is missing or invalid.")
        asked = posting.read(form, self._district)
        authorise(client, OPEN311_POST, asked.tenant, self._district)
        return asked, client

    def beside(self, asked: Asked, report: NewReport) -> rows.NewRequest:
        """What is kept of a request beside its report."""
        now = self._database.clocks.now(asked.tenant)
        return rows.NewRequest(
            tenant=report.tenant,
            report_id=report.report_id,
            description=asked.description,
            address=asked.address,
            address_id=asked.address_id,
            media_url=asked.media_url,
            attributes=asked.answers,
            expected_at=self._district.deadline(asked.tenant, now, asked.matter.limits.dispose),
        )

    def created(self, asked: Asked, accepted: Accepted, language: str) -> Document:
        """What a client gets for its request: the id or a token, and what will be done."""
        answer: dict[str, Plain] = {}
        if services.type_of(self._district, asked.tenant) == services.BATCH:
            answer["token"] = tokens.token_for(self._tracking, accepted.tenant, accepted.report_id)
        else:
            answer["service_request_id"] = accepted.report_id
        answer["service_notice"] = services.notice_of(self._district, asked.matter).in_language(language)
        answer["account_id"] = None
        return Document("service_requests", [answer])

    def _town(self, params: Params) -> str:
        tenant = jurisdiction_of(params, self._district)
        authorise(None, OPEN311_READ, tenant, self._district)
        return tenant

    def _bounds(self, tenant: str) -> Bounds:
        def setting(key: str, default: int) -> int:
            return self._district.setting(tenant, f"open311.{key}", default)

        return Bounds(timedelta(days=setting("span-days", SPAN_DAYS)), setting("most-rows", MOST_ROWS))
