"""A town's own service to begin with: it says in its log what was filed here, and what took too long."""

from collections.abc import Sequence

from qipan.contracts.events import CaseEvent, CaseFiled, CaseOverdue
from qipan.sdk import DistrictProvider, Received, consume, logger

log = logger(__name__)


class Crier:
    """Hears of this town's cases. It keeps nothing, so hearing of one twice does no harm."""

    name = "crier"

    district = DistrictProvider()

    @consume(CaseFiled, CaseOverdue)
    def cry(self, work: None, batch: Sequence[Received[CaseEvent]]) -> None:
        """Say what happened, by the matter's name."""
        for message in batch:
            case = message.data.case
            matter = self.district.matters_of(message.tenant)[case.matter]
            log.info("heard", what=type(message.data).__name__, matter=matter.name.en, case_id=case.case_id)
