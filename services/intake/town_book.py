"""What is known of a town before a report is looked at: its matters, the words for them, and its policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from qipan.contracts.events import ReportReceived
from qipan.contracts.level import Level
from qipan.contracts.responsible import Responsible
from qipan.tenancy import District, Matter, Severity
from qipan.tenancy.bodies import answerable
from services.intake.accept_clock import acceptors_of
from services.intake.admission import GRID_CHANNEL
from services.intake.classify import Classification, Vocabulary, Wording, first_within
from services.intake.town_policy import TownPolicy
from services.intake.verification import walked_cells


@dataclass(frozen=True, slots=True)
class TownBook:
    """What the desk knows of a town: its matters, their words, how it triages, whom it sends people to.

    `walked` are the duty cells that some grid worker answers for, `acceptors` the ids of who decides about reports.
    """

    matters: Mapping[str, Matter]
    vocabulary: Vocabulary
    policy: TownPolicy
    responsible: Mapping[str, Responsible]
    walked: frozenset[str]
    acceptors: tuple[str, ...] = ()

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
        policy = TownPolicy.of(district, tenant)
        return cls(
            matters,
            Vocabulary(wordings),
            policy,
            answerable(district, tenant),
            walked_cells(district.people_of(tenant)),
            acceptors_of(district, tenant),
        )

    def given(self, report: ReportReceived) -> Classification | None:
        """The matter that the reporter named, if the town knows it."""
        if report.matter is None or report.matter not in self.matters:
            return None
        return Classification(report.matter, 1.0, report.matter in self.vocabulary.emergencies)

    def is_out_of_scope(self, report: ReportReceived, words: Classification) -> bool:
        """Whether the words speak of what the town does not handle, and of nothing that it does."""
        return words.matter is None and first_within(report.text, self.policy.out_of_scope) is not None

    def is_to_verify(self, report: ReportReceived, matter: Matter | None) -> bool:
        """Whether a grid worker is to look before it is filed; not at what one reports, who was there."""
        if report.channel == GRID_CHANNEL or matter is None:
            return False
        return matter.verify or (report.level or Level.NORMAL) in self.policy.verify_levels

    def owner_of(self, report: ReportReceived) -> Responsible | None:
        """Whose the matter is, by the first of the town's words out of scope that the report has."""
        word = first_within(report.text, self.policy.out_of_scope)
        return self.responsible.get(self.policy.out_of_scope.get(word or "") or "")
