"""Hand-overs that a town refused are on the arbiter's list, as those that nobody answers are from now on."""

import sqlalchemy as sa
from alembic import op

revision = "handover_clock"
down_revision = "rosters"
branch_labels = None
depends_on = None

# What was refused before had no clock, and gets no timer: it stands on the arbiter's list with two days of real time.
_LIST = """
INSERT INTO dispatch.disputes (tenant, case_id, version, raised_at, due_at)
SELECT h.tenant, h.case_id, c.version, h.changed_at, now() + interval '2 days'
FROM dispatch.handovers h JOIN dispatch.cases c ON c.tenant = h.tenant AND c.id = h.case_id
WHERE h.state = 'refused' AND h.asked NOT LIKE '%/%'
AND c.stage IN ('filed', 'offered', 'accepted', 'returned', 'rework') AND c.state->>'own_stage' IS NULL
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.execute(sa.text(_LIST))


def downgrade() -> None:
    """Their rows stay: a refused hand-over on the arbiter's list is the arbiter's to decide there, too."""
