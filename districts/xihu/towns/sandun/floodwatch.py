"""Sandun's flood watch (三墩镇内涝预警): a canal that rises above its warning level becomes a report."""

from collections.abc import Sequence
from datetime import UTC

from qipan.contracts.commands import SubmitReport
from qipan.contracts.events import ReadingObserved
from qipan.sdk import ClientProvider, DistrictProvider, KeyReused, Received, consume, derived_id, logger

PONDING = "x-xihu:em:00002"
LEVEL = ("water-level", "m")
WARN_LEVEL = 3.2
"""Metres; where the pack does not say otherwise."""

log = logger(__name__)


class FloodWatch:
    """One report for each gauge and hour of the town's time, however many readings say so.

    It keeps nothing: the key of the report makes repeats harmless. When intake cannot be reached the error
    goes up, and the readings are handed over again later.
    """

    name = "floodwatch"

    client = ClientProvider()
    district = DistrictProvider()

    @consume(ReadingObserved)
    def watch(self, work: None, batch: Sequence[Received[ReadingObserved]]) -> None:
        """Report the gauges that stand too high."""
        told: set[str] = set()
        for message in batch:
            reading, tenant = message.data, message.tenant
            warn = self.district.setting(tenant, "flood.warn-level-metres", WARN_LEVEL)
            if (reading.quantity, reading.unit) != LEVEL or reading.value < warn:
                continue
            report = self.report(tenant, reading, warn)
            if report.key not in told:
                self.submit(tenant, report)
                told.add(report.key)

    def report(self, tenant: str, reading: ReadingObserved, warn: float) -> SubmitReport:
        """The report of a gauge's hour: it says nothing of the single reading, so all of the hour make it."""
        hour = reading.observed_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        return SubmitReport(
            key=derived_id("floodwatch", tenant, reading.device, hour.isoformat()),
            text=f"水位计 {reading.device} 超过警戒水位 {warn:g} 米，请现场查看。",
            lon=reading.lon,
            lat=reading.lat,
            matter=PONDING,
        )

    def submit(self, tenant: str, report: SubmitReport) -> None:
        """Hand the report in; one that this hour has had already, from another spot, is enough."""
        try:
            answer = self.client.call(report, tenant=tenant)
        except KeyReused:
            return
        log.info("gauge too high", tenant=tenant, report_id=answer.report_id)
