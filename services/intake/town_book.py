"""What is known of a town before a report is looked at: its matters, the words for them, and its policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from qipan.contracts.events import ReportReceived
from qipan.tenancy import District, Matter, Severity
from services.intake.classify import Classification, Vocabulary, Wording, contains_any
from services.intake.town_policy import TownPolicy


@dataclass(frozen=True, slots=True)
class TownBook:
    """What the desk knows of a town: its matters, their words, and how it triages."""

    matters: Mapping[str, Matter]
    vocabulary: Vocabulary
    policy: TownPolicy

    @classmethod
    def of(cls, district: District, tenant: str) -> "TownBook":
        """The book by the tenant's pack."""
        matters = district.matters_of(tenant)
        wordings = (
            Wording(
                code,
                (matter.name.zh, matter.name.en, *matter.keywords_zh, *matter.keywords_en),
                matter.severity is Severity.URGENT,
            )
            for code, matter in matters.items()
        )
        return cls(matters, Vocabulary(wordings), TownPolicy.of(district, tenant))

    def given(self, report: ReportReceived) -> Classification | None:
        """The matter that the reporter named, if the town knows it."""
        if report.matter is None or report.matter not in self.matters:
            return None
        return Classification(report.matter, 1.0, report.matter in self.vocabulary.emergencies)

    def is_out_of_scope(self, report: ReportReceived, words: Classification) -> bool:
        """Whether the words speak of what the town does not handle, and of nothing that it does."""
        return words.matter is None and contains_any(report.text, self.policy.out_of_scope)
