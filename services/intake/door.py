"""The door: takes reports, readings and ratings in, and tells reporters how far their reports have come.

It writes to intake's own tables and nothing else: the broker may be away for hours and the door still opens.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime

from qipan.access import Principal, authorise
from qipan.access.policy import COMPONENT_SHOW, READING_POST, REPORT_IMPORT, REPORT_POST
from qipan.contracts.errors import (
    Conflict,
    Fault,
    IllegalTransition,
    NotFound,
    OutsideTerritory,
    Unauthenticated,
    Unavailable,
)
from qipan.contracts.events import ReportRated
from qipan.ids import derived_id, new_id
from qipan.personal import struck
from qipan.storage import Database, Work
from qipan.storage.group_commit import GroupCommit
from qipan.tenancy import District, in_shadow
from services.intake import store
from services.intake.accept import Accepted, Submission, Verdict, accept, observe
from services.intake.admission import NewReport, admit
from services.intake.comments import comment
from services.intake.contacts import Contacts
from services.intake.devices.desk import AlarmDesk
from services.intake.forms import (
    CommentAccepted,
    CommentForm,
    ComponentShown,
    Links,
    PublicStatus,
    RatingAccepted,
    RatingForm,
    ReadingForm,
    ReadingsAccepted,
    ReopeningAccepted,
    ReopeningForm,
    ReportAccepted,
    ReportForm,
)
from services.intake.open311.desk import Desk
from services.intake.open311.rows import NewRequest
from services.intake.public_page import page_of
from services.intake.public_status import ReportStatus, may_be_rated
from services.intake.reopening import days_of, reopen
from services.intake.tracking import TrackingTokens
from services.intake.updates_web import UpdatesEndpoints

STORE_SECONDS = 15.0
"""How long a report waits to be stored before its sender is told to try again."""
READY_SECONDS = 5.0


class Door:
    """One door process: its district, its tables, its writer thread."""

    def __init__(
        self,
        district: District,
        database: Database,
        tokens: TrackingTokens,
        contacts: Contacts,
        comments_an_hour: int,
    ) -> None:
        self._district = district
        self._database = database
        self._tokens = tokens
        self._contacts = contacts
        self._comments_an_hour = comments_an_hour
        self.open311 = Desk(district, database, tokens)
        self.alarms = AlarmDesk(district, database)
        self._commits: GroupCommit[Submission, tuple[Verdict, ...]] = GroupCommit(database, self._accept)

    def close(self) -> None:
        """Store what waits, then let go of the database."""
        self._commits.close()
        self._database.close()

    def admit(self, form: ReportForm, key: str | None, reporter: Principal | None) -> NewReport:
        """The report as it may be stored; see `services.intake.admission.admit` for its refusals."""
        report = admit(form, key, reporter, self._district, self._now(reporter))
        authorise(reporter, REPORT_POST, report.tenant, self._district)
        if self._database.room is not None:
            self._database.room.check_tenant(report.tenant)
        contact = self._contacts.seal(form.contact, report.tenant, report.report_id)
        if contact is None:
            return report
        digest = None if report.digest is None else self._tokens.keyed(report.digest)
        return replace(report, contact=contact, digest=digest)

    def may_import(self, operator: Principal | None) -> None:
        """Unauthenticated or Forbidden for who may not bring reports in bulk."""
        authorise(operator, REPORT_IMPORT, operator.tenant if operator else self._district.id, self._district)

    async def store(
        self, reports: Sequence[NewReport], traceparent: str | None, requests: Sequence[NewRequest] = ()
    ) -> tuple[Verdict, ...]:
        """Store reports in one transaction, shared with whoever else asks now; returns after its commit.

        Unavailable when that takes too long: whether it was stored is not known then, and a repeat with the
        same key tells.
        """
        submission = Submission(tuple(reports), traceparent, tuple(requests))
        future: Future[tuple[Verdict, ...]] = self._commits.submit(submission)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), STORE_SECONDS)
        except TimeoutError:
            raise Unavailable("Storing took too long; try again with the same Idempotency-Key.") from None

    def answer(self, accepted: Accepted) -> ReportAccepted:
        """What the reporter gets, and gets again for a repeat."""
        token = self._tokens.token(accepted.tenant, accepted.report_id)
        path = f"/v1/reports/{accepted.report_id}"
        return ReportAccepted(
            report_id=accepted.report_id,
            tenant=accepted.tenant,
            token=token,
            links=Links(
                self=f"{path}?token={token}",
                rating=f"{path}/rating?token={token}",
                photos=f"{path}/photos?token={token}",
                comments=f"{path}/comments?token={token}",
            ),
        )

    def opened(self, report_id: str, token: str) -> str:
        """The tenant of the report that this tracking token opens; NotFound for any other token."""
        tenant = self._tokens.tenant_of(token, report_id)
        if tenant is None:
            raise NotFound("There is no such report, or the token is not its own.")
        return tenant

    def status(self, report_id: str, token: str) -> PublicStatus:
        """What the holder of the tracking token may know; NotFound for anybody else."""
        tenant = self.opened(report_id, token)
        with self._database.begin() as work:
            return page_of(work.conn, tenant, report_id, token, days_of(self._district, tenant))

    def comment(self, report_id: str, token: str, form: CommentForm, key: str | None) -> CommentAccepted:
        """Store what the reporter adds and tell of it; see `services.intake.comments` for its refusals."""
        tenant = self.opened(report_id, token)
        comment_id = new_id() if key is None else derived_id("comment", tenant, report_id, key)
        with self._database.begin() as work:
            row = comment(
                work,
                tenant,
                report_id,
                comment_id=comment_id,
                words=form.text,
                most_an_hour=self._comments_an_hour,
            )
        return CommentAccepted(report_id=report_id, comment_id=row.comment_id, at=row.at)

    def component(self, component_id: str, asker: Principal | None) -> ComponentShown:
        """What anybody may know of a component; NotFound."""
        found = self._district.components.get(component_id)
        if found is None:
            raise NotFound(f"There is no component {component_id[:40]!r}.")
        authorise(asker, COMPONENT_SHOW, found.town, self._district)
        return ComponentShown(
            id=found.id,
            kind=found.matter,
            name={"zh": found.name_zh, "en": found.name_en},
            town=found.town,
            lon=found.lon,
            lat=found.lat,
            synthetic=found.synthetic,
        )

    def rate(self, report_id: str, token: str, form: RatingForm) -> RatingAccepted:
        """Store the reporter's rating and tell of it; the same one again changes nothing.

        NotFound without the tracking token, IllegalTransition before the case is closed, Conflict for another
        rating than before.
        """
        tenant = self.opened(report_id, token)
        with self._database.begin() as work:
            row = store.report(work.conn, tenant, report_id)
            if row is not None and row.status == ReportStatus.MERGED:
                row = store.report(work.conn, tenant, row.merged_into)
            if row is None:
                raise NotFound
            if not may_be_rated(row.status):
                raise IllegalTransition(f"Only a closed case can be rated; this one is {row.status!r}.")
            now = work.now(tenant)
            new = store.add_rating(
                work.conn,
                tenant=tenant,
                report_id=report_id,
                rating=form.rating,
                note=form.note,
                rated_at=now,
            )
            if not new:
                before = store.rating(work.conn, tenant, report_id)
                if before is None or (before.rating, before.note) != (form.rating, form.note):
                    raise Conflict("The report has been rated before; a rating is given once.")
            else:
                event = ReportRated(
                    report_id=row.report_id,
                    case_id=row.case_id,
                    rating=form.rating,
                    note=struck(form.note),
                    rated_at=now,
                )
                work.publish(event, tenant=tenant, subject=row.report_id)
        return RatingAccepted(report_id=report_id, rating=form.rating)

    def reopen(self, report_id: str, token: str, form: ReopeningForm) -> ReopeningAccepted:
        """Have a closed case taken up again; see `services.intake.reopening` for its refusals."""
        tenant = self.opened(report_id, token)
        with self._database.begin() as work:
            at = reopen(work, self._district, tenant, report_id, form.reason)
        return ReopeningAccepted(report_id=report_id, reopened_at=at)

    def updates(self, public_url: str) -> UpdatesEndpoints:
        """What serves reporters who want to be told; `public_url`: where the door is reached from outside."""
        return UpdatesEndpoints(self._database, self._tokens, self._contacts, self.opened, public_url)

    def observe(self, device: Principal | None, forms: Sequence[ReadingForm]) -> ReadingsAccepted:
        """Store what a device measured, all or nothing; Unauthenticated or Forbidden for who is no device."""
        if device is None:
            raise Unauthenticated
        tenants = (
            self._located(forms, device) if device.base == self._district.id else [device.tenant] * len(forms)
        )
        for tenant in set(tenants):
            authorise(device, READING_POST, tenant, self._district)
        with self._database.begin() as work:
            readings = [
                _reading(form, tenant, device.sub, work.now(tenant))
                for form, tenant in zip(forms, tenants, strict=True)
            ]
            stored = observe(work, readings)
        return ReadingsAccepted(stored=stored, repeated=len(forms) - stored)

    def ready(self) -> tuple[bool, str]:
        """Whether reports can be stored: commits nothing, in the way that reports are committed."""
        try:
            self._commits.submit(Submission(())).result(READY_SECONDS)
        except Unavailable as error:
            return False, str(error)
        return True, "reports can be stored"

    def _accept(self, work: Work, submissions: Sequence[Submission]) -> list[tuple[Verdict, ...]]:
        if self._database.room is not None:
            self._database.room.check(work.conn)
        return accept(work, submissions)

    def _now(self, sender: Principal | None) -> datetime:
        """The district's domain time, or that of the exercise that the sender takes part in."""
        shadow = None if sender is None else sender.shadow or None
        return self._database.clocks.now(in_shadow(self._district.id, shadow))

    def _located(self, forms: Sequence[ReadingForm], device: Principal) -> list[str]:
        tenants, faults, shadow, now = [], [], device.shadow, self._now(device)
        for index, form in enumerate(forms):
            location = self._district.territory.locate(form.lon, form.lat, now)
            if location is None:
                faults.append(Fault(where=f"{index}.lon, lat", what="lies outside every town"))
            else:
                tenants.append(f"{location.town}~{shadow}" if shadow else location.town)
        if faults:
            raise OutsideTerritory(faults=tuple(faults))
        return tenants


def _reading(form: ReadingForm, tenant: str, client: str, now: datetime) -> store.NewReading:
    return store.NewReading(
        tenant=tenant,
        device=form.device,
        reading_id=form.reading_id,
        quantity=form.quantity,
        value=form.value,
        unit=form.unit,
        lon=form.lon,
        lat=form.lat,
        observed_at=form.observed_at or now,
        client=client,
    )
