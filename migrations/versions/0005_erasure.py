"""People can be erased: what is left of them, and what a company decided about its people's data."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "erased",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("company_id", BIG, nullable=False),
        sa.Column("cause", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(190), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_erased_company_id"),
        sa.PrimaryKeyConstraint("id", name="pk_erased"),
        **TABLE,
    )
    op.create_index("ix_erased_company_id", "erased", ["company_id"])
    op.create_table(
        "tombstones",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("company_id", BIG, nullable=False),
        sa.Column("hash", sa.String(128), nullable=False),
        sa.Column("erased_id", BIG, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_tombstones_company_id"),
        sa.ForeignKeyConstraint(["erased_id"], ["erased.id"], name="fk_tombstones_erased_id"),
        sa.PrimaryKeyConstraint("id", name="pk_tombstones"),
        sa.UniqueConstraint("company_id", "hash", name="uq_tombstones_company_id_hash"),
        **TABLE,
    )
    op.create_index("ix_tombstones_company_id", "tombstones", ["company_id"])
    op.create_index("ix_tombstones_erased_id", "tombstones", ["erased_id"])
    op.add_column("companies", sa.Column("policies", sa.JSON(), nullable=True))
    op.add_column("companies", sa.Column("erased_at", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    raise NotImplementedError("the erased would come back: restore a copy of the database")
