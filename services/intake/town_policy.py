"""How a town triages: the `triage.…` settings of its pack, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from qipan.contracts.level import Level
from qipan.tenancy import District
from qipan.tenancy.bodies import assigned
from qipan.worktime import Limit
from services.intake.accept_clock import AcceptRules
from services.intake.duplicates import Closeness
from services.intake.verification import LIMIT

LEAST_CONFIDENCE = 0.6
WORD_TRUST = 1.0
DUPLICATE_METRES = 30
DUPLICATE_MINUTES = 120
DUPLICATE_LIKENESS = 0.6
PROPOSE_LIKENESS = 0.5
HOLD_MINUTES = 60
PLACE_METRES = 500
COMPONENT_METRES = 15
ACCEPT_LIMIT = "30 minutes"
ACCEPT_LIMIT_URGENT = "5 minutes"
URGENT_WORDS = (
    *("救命", "着火", "起火", "爆炸", "被困", "触电", "有人受伤", "伤亡", "溺水"),
    *("help me", "on fire", "explosion", "trapped", "electrocut", "injured", "drowning"),
)


@dataclass(frozen=True, slots=True)
class TownPolicy:
    """How a town triages, by the `triage.…` settings of its pack.

    `least-confidence`: share of the evidence (0 to 1) that a matter needs to be filed without a person.
    `duplicate-metres`, `duplicate-minutes`, `duplicate-likeness` (0 to 1): how near two reports of one matter
    must be to be the same; 0 metres switches merging off. `propose-likeness`: how alike they must be for a person
    to be asked whether they are the same.
    `hold-minutes`: how long (domain time) a report with a likely matter waits for a person before it is filed
    as that; 0: for ever.
    `accept-limit`, `accept-limit-urgent`, `urgent-words`: how long a held report may wait for an acceptor.
    `place-metres`: how far off a place found by its name may be to be filed without a person; 0: any.
    `component-metres`: within how many metres a component of the matter is taken for the one meant; 0: never.
    `out-of-scope`: words of what the town does not handle, with the ids of whose it is where known.
    `self-disposal`: whether grid workers may settle small matters on the spot.
    `verify-levels`: reports of which risk a grid worker looks at before they are filed, and `verify-limit`, how
    long that may take.
    `model`: whether a trained model may suggest; `word-trust` (0 to 1): how sure the words are taken to be
    beside it.
    """

    least_confidence: float
    word_trust: float
    model: bool
    closeness: Closeness
    merges: bool
    hold_for: timedelta | None
    out_of_scope: Mapping[str, str | None]
    self_disposal: bool
    place_metres: int
    component_metres: int
    verify_levels: frozenset[Level]
    verify_limit: Limit
    accept: AcceptRules

    @classmethod
    def of(cls, district: District, tenant: str) -> "TownPolicy":
        """The policy in the tenant's pack. TypeError when a setting is of another kind than it should be."""
        metres = district.setting(tenant, "triage.duplicate-metres", DUPLICATE_METRES)
        hold = district.setting(tenant, "triage.hold-minutes", HOLD_MINUTES)
        no_words: list[str] = []
        return cls(
            least_confidence=district.setting(tenant, "triage.least-confidence", LEAST_CONFIDENCE),
            word_trust=district.setting(tenant, "triage.word-trust", WORD_TRUST),
            model=district.setting(tenant, "triage.model", True),
            closeness=Closeness(
                metres=metres,
                within=timedelta(
                    minutes=district.setting(tenant, "triage.duplicate-minutes", DUPLICATE_MINUTES)
                ),
                likeness=district.setting(tenant, "triage.duplicate-likeness", DUPLICATE_LIKENESS),
                proposed=district.setting(tenant, "triage.propose-likeness", PROPOSE_LIKENESS),
            ),
            merges=metres > 0,
            hold_for=timedelta(minutes=hold) if hold > 0 else None,
            out_of_scope={
                word.casefold(): owner
                for word, owner in map(assigned, district.setting(tenant, "triage.out-of-scope", no_words))
            },
            self_disposal=district.setting(tenant, "triage.self-disposal", True),
            place_metres=district.setting(tenant, "triage.place-metres", PLACE_METRES),
            verify_levels=frozenset(map(Level, district.setting(tenant, "triage.verify-levels", no_words))),
            verify_limit=Limit.parse(district.setting(tenant, "triage.verify-limit", LIMIT)),
            accept=AcceptRules(
                limit=Limit.parse(district.setting(tenant, "triage.accept-limit", ACCEPT_LIMIT)),
                urgent_limit=Limit.parse(
                    district.setting(tenant, "triage.accept-limit-urgent", ACCEPT_LIMIT_URGENT)
                ),
                urgent_words=tuple(
                    word.casefold()
                    for word in district.setting(tenant, "triage.urgent-words", list(URGENT_WORDS))
                ),
            ),
            component_metres=district.setting(tenant, "triage.component-metres", COMPONENT_METRES),
        )
