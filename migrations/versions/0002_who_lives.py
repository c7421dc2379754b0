"""Processes that beat, and the spools of web hosts."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}


def upgrade() -> None:
    op.create_table(
        "processes",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("host", sa.String(190), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_processes"),
        **TABLE,
    )
    op.create_table(
        "host_spools",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("host", sa.String(190), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("oldest_at", sa.BigInteger(), nullable=True),
        sa.Column("kept_aside", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_host_spools"),
        **TABLE,
    )


def downgrade() -> None:
    op.drop_table("host_spools")
    op.drop_table("processes")
