"""The desk that takes devices' alarms: a batch in one transaction and a fixed number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from pydantic_core import to_json
from sqlalchemy import Row

from qipan.access import Principal, Role, api_key_digest, authorise, tenant_of_api_key
from qipan.access.policy import ALARM_POST
from qipan.contracts.devices import AlarmCleared, DeviceKind
from qipan.contracts.errors import Fault, Forbidden, Invalid, QipanError, Unauthenticated
from qipan.contracts.level import Level
from qipan.http import as_model, document
from qipan.http.language import Language
from qipan.ids import derived_id
from qipan.storage import Database, Work
from qipan.tenancy import District, in_shadow
from qipan.territory.coordinates import System
from services.intake.accept import Submission, accept
from services.intake.admission import NewReport, admit
from services.intake.devices import rows
from services.intake.devices.debounce import Alarm, Fate, Series, take
from services.intake.devices.forms import AlarmForm, AlarmVerdict, AlarmVerdicts
from services.intake.devices.rows import AlarmRow, SeriesKey, SeriesRow
from services.intake.forms import ReportForm
from services.intake.open311.status import CLOSED_STATUSES

DEBOUNCE_MINUTES = 30
_CHANNELS = {DeviceKind.CAMERA: "camera"}


@dataclass(frozen=True, slots=True)
class _Raised:
    """An alarm that may be taken: by which device, and the report that it would become."""

    line: int
    form: AlarmForm
    source: str
    report: NewReport
    alarm: Alarm

    @property
    def series(self) -> SeriesKey:
        return SeriesKey(self.report.tenant, self.source, self.report.matter or "")

    @property
    def key(self) -> tuple[str, str, str, bool]:
        return self.report.tenant, self.source, self.form.alarm_id, self.form.cleared


class AlarmDesk:
    """One door process's: its district and its tables."""

    def __init__(self, district: District, database: Database) -> None:
        self._district = district
        self._database = database

    def take(self, key: str | None, lines: Sequence[Any], language: Language) -> AlarmVerdicts:
        """A verdict for each alarm, in order. Unauthenticated for a key that opens nothing; blocks."""
        forms, refused = _read(lines, language)
        tenant = tenant_of_api_key(key) if key else None
        if key is None or tenant is None:
            raise Unauthenticated("X-Device-Key is missing or is no device's key.")
        with self._database.begin() as work:
            digest = api_key_digest(key)
            named = {form.device for form in forms.values() if form.device is not None}
            found = rows.speaking(work.conn, tenant, digest, named)
            me = next((row for row in found if row.digest == digest and row.revoked_at is None), None)
            if me is None:
                raise Unauthenticated("X-Device-Key is missing or is no device's key.")
            devices = {row.device_id: row for row in found}
            raised = []
            for line, form in forms.items():
                try:
                    raised.append(self._raised(work, line, form, me, devices))
                except QipanError as error:
                    refused[line] = error
            taken = self._taken(work, raised)
        return _verdicts(lines, taken, refused, language)

    def _raised(
        self, work: Work, line: int, form: AlarmForm, me: Row[Any], devices: Mapping[str, Row[Any]]
    ) -> _Raised:
        device = _device(form, me, devices)
        principal = Principal(
            sub=f"device:{device.tenant}/{device.device_id}",
            name=device.device_id,
            tenant=device.tenant,
            roles=frozenset({Role.MACHINE}),
        )
        placed = form.lon is not None or form.lat is not None
        fields = {
            "lon": form.lon if placed else device.lon,
            "lat": form.lat if placed else device.lat,
            "coordinate_system": form.coordinate_system if placed else System.WGS84,
            "text": form.text or self._words(device, form.matter or device.matter),
            "matter": form.matter or device.matter,
            "channel": _CHANNELS.get(device.kind, "sensor"),
        }
        # Checked already, but for what is missing: a device without a place that sends none is told so.
        as_form = as_model(
            to_json({name: value for name, value in fields.items() if value is not None}), ReportForm
        )
        now = self._database.clocks.now(in_shadow(self._district.id, principal.shadow or None))
        report = admit(as_form, None, principal, self._district, now)
        authorise(principal, ALARM_POST, report.tenant, self._district)
        now = work.now(report.tenant)
        source = f"{device.tenant}/{device.device_id}"
        report_id = derived_id("alarm", report.tenant, source, report.matter or "", form.alarm_id)
        alarm = Alarm(min(form.observed_at or now, now), form.level, form.cleared)
        return _Raised(line, form, source, replace(report, report_id=report_id, level=form.level), alarm)

    def _words(self, device: Row[Any], matter: str | None) -> str:
        known = self._district.matters_of(device.tenant).get(matter or "")
        return f"设备 {device.device_id} 报警" + (f"：{known.name.zh}" if known else "")

    def _taken(self, work: Work, raised: Sequence[_Raised]) -> dict[int, tuple[_Raised, Fate, Series]]:
        """What became of each, written down and told."""
        if not raised:
            return {}
        locked = rows.lock(work.conn, {one.series for one in raised})
        series = {SeriesKey(row.tenant, row.source, row.matter): _series(row) for row in locked}
        known = rows.known(work.conn, {one.key[:3] for one in raised})
        taken: dict[int, tuple[_Raised, Fate, Series]] = {}
        changed: dict[SeriesKey, Series] = {}
        kept: list[AlarmRow] = []
        for one in sorted(raised, key=lambda one: (one.alarm.at, one.line)):
            before = series[one.series]
            if one.key in known:
                taken[one.line] = one, Fate.REPEATED, replace(before, report_id=known[one.key])
                continue
            window = timedelta(
                minutes=self._district.setting(one.report.tenant, "triage.debounce-minutes", DEBOUNCE_MINUTES)
            )
            fate, after = take(before, one.alarm, window, one.report.report_id)
            said = None if fate is Fate.NOTHING_STANDS else after.report_id
            known[one.key] = said
            series[one.series] = after
            if said is not None:
                changed[one.series] = after
            taken[one.line] = one, fate, replace(after, report_id=said)
            kept.append(_row(one, fate, said))
        if kept:
            rows.keep(work.conn, kept)
        if changed:
            rows.go_on(work.conn, [_gone_on(key, after) for key, after in changed.items()])
        reports = tuple(one.report for one, fate, _ in taken.values() if fate is Fate.REPORTED)
        if reports:
            accept(work, [Submission(reports)])
        for one, fate, after in taken.values():
            if fate is Fate.CLEARED and after.report_id is not None:
                _tell_cleared(work, one, after.report_id)
        return taken


def _read(lines: Sequence[Any], language: Language) -> tuple[dict[int, AlarmForm], dict[int, QipanError]]:
    forms: dict[int, AlarmForm] = {}
    refused: dict[int, QipanError] = {}
    for number, line in enumerate(lines):
        try:
            forms[number] = as_model(to_json(line), AlarmForm, language)
        except QipanError as error:
            refused[number] = error
    return forms, refused


def _device(form: AlarmForm, me: Row[Any], devices: Mapping[str, Row[Any]]) -> Row[Any]:
    """The device that raises the alarm; Invalid or Forbidden when the key does not speak for it."""
    if form.device is None or form.device == me.device_id:
        if me.kind == DeviceKind.HUB:
            fault = Fault(where="device", what="a hub raises no alarms itself", allowed="a device behind it")
            raise Invalid(faults=(fault,))
        return me
    device = devices.get(form.device)
    if device is None or device.hub != me.device_id:
        raise Forbidden(f"This key does not speak for the device {form.device!r}.")
    if device.revoked_at is not None:
        raise Forbidden(f"The device {form.device!r} was revoked.")
    return device


def _series(row: Row[Any]) -> Series:
    stands = row.report_id is not None and row.status is not None and row.status not in CLOSED_STATUSES
    return Series(
        row.report_id, row.first_at, row.last_at, row.times, Level(row.level), row.cleared_at, stands
    )


def _row(one: _Raised, fate: Fate, report_id: str | None) -> AlarmRow:
    tenant, source, alarm_id, cleared = one.key
    return AlarmRow(
        tenant,
        source,
        alarm_id,
        cleared,
        one.series.matter,
        one.form.level,
        one.alarm.at,
        fate,
        report_id,
    )


def _gone_on(key: SeriesKey, after: Series) -> SeriesRow:
    assert after.report_id is not None
    assert after.first_at is not None
    assert after.last_at is not None
    return SeriesRow(
        *key, after.report_id, after.first_at, after.last_at, after.times, after.level, after.cleared_at
    )


def _tell_cleared(work: Work, one: _Raised, report_id: str) -> None:
    event = AlarmCleared(
        report_id=report_id,
        device=one.source.partition("/")[2],
        matter=one.report.matter,
        cleared_at=one.alarm.at,
    )
    work.publish(event, tenant=one.report.tenant, subject=report_id)


def _verdicts(
    lines: Sequence[Any],
    taken: Mapping[int, tuple[_Raised, Fate, Series]],
    refused: Mapping[int, QipanError],
    language: Language,
) -> AlarmVerdicts:
    results = []
    for number in range(len(lines)):
        if number in taken:
            one, fate, after = taken[number]
            results.append(
                AlarmVerdict(
                    line=number,
                    alarm_id=one.form.alarm_id,
                    status=201 if fate is Fate.REPORTED else 200,
                    result=fate,
                    report_id=after.report_id,
                    times=after.times if after.report_id else None,
                )
            )
        else:
            error = refused[number]
            problem = document(error, language)
            results.append(AlarmVerdict(line=number, status=error.status, problem=problem))
    fates = [fate for _, fate, _ in taken.values()]
    return AlarmVerdicts(
        reported=fates.count(Fate.REPORTED),
        joined=fates.count(Fate.JOINED),
        refused=len(refused),
        results=tuple(results),
    )
