"""Create the table of missed ticks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "missed_ticks",
        sa.Column("schedule", sa.String(200), nullable=False),
        sa.Column("due_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("schedule", "due_time", name="pk_missed_ticks"),
    )


def downgrade() -> None:
    op.drop_table("missed_ticks")
