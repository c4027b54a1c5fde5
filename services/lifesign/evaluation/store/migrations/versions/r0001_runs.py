"""Create the table of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    time = sa.DateTime(timezone=True)
    op.create_table(
        "runs",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("evaluation", sa.String(200), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("dataset", sa.String(200), nullable=False),
        sa.Column("model_version", sa.String(40)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(16)),
        sa.Column("trigger", sa.String(16), nullable=False),
        sa.Column("schedule", sa.String(200)),
        sa.Column("due_time", time),
        sa.Column("created_at", time, nullable=False),
        sa.Column("started_at", time),
        sa.Column("finished_at", time),
        sa.Column("heartbeat_at", time),
        sa.Column("worker", sa.String(80)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("samples_done", sa.Integer, nullable=False),
        sa.Column("samples_total", sa.Integer),
        sa.Column("run_dir", sa.Text, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("summary", sa.JSON),
        sa.Column("report", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("schedule", "due_time", name="uq_runs_schedule_due_time"),
    )
    op.create_index("ix_runs_state_id", "runs", ["state", "id"])
    op.create_index("ix_runs_model_dataset_finished_at", "runs", ["model", "dataset", "finished_at"])


def downgrade() -> None:
    op.drop_table("runs")
