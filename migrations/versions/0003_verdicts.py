"""What people decided about ids stands beside the evidence; ids remember the customer they came with."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin", "mysql_engine": "InnoDB"}
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "verdicts",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("company_id", BIG, nullable=False),
        sa.Column("low_id", BIG, nullable=False),
        sa.Column("high_id", BIG, nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("conflict_id", BIG, nullable=True),
        sa.Column("actor", sa.String(190), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["companies.id"], name="fk_verdicts_company_id"),
        sa.ForeignKeyConstraint(["low_id"], ["identities.id"], name="fk_verdicts_low_id"),
        sa.ForeignKeyConstraint(["high_id"], ["identities.id"], name="fk_verdicts_high_id"),
        sa.PrimaryKeyConstraint("id", name="pk_verdicts"),
        sa.UniqueConstraint("company_id", "low_id", "high_id", name="uq_verdicts_company_id_low_id_high_id"),
        **TABLE,
    )
    for column in ("company_id", "low_id", "high_id", "conflict_id"):
        op.create_index(f"ix_verdicts_{column}", "verdicts", [column])
    op.add_column("identities", sa.Column("home_id", BIG, nullable=True))
    op.add_column("accounts", sa.Column("former_platforms", sa.JSON(), nullable=True))
    _take_over(op.get_bind())


def _take_over(connection: sa.Connection) -> None:
    """Decisions were kept in the evidence's own rows, and the customers of before in the log of merges."""
    said = (
        "INSERT INTO verdicts (company_id, low_id, high_id, verb, actor, at) "
        "SELECT company_id, low_id, high_id, {}, COALESCE(actor, 'unknown'), at FROM links WHERE {}"
    )
    connection.execute(sa.text(said.format("'different'", "state = 'different'")))
    connection.execute(sa.text(said.format("'same'", "source = 'person' AND state = 'accepted'")))
    connection.execute(sa.text("DELETE FROM links WHERE source = 'person'"))
    connection.execute(sa.text("UPDATE links SET state = 'accepted' WHERE state = 'different'"))
    merges = connection.execute(
        sa.text(
            "SELECT other_id, moved FROM merges WHERE verb = 'merge' AND undone_at IS NULL ORDER BY id DESC"
        )
    ).all()
    for other, moved in merges:
        # From the newest to the oldest: the oldest merge of an id tells where it came from.
        for identity in json.loads(moved) if isinstance(moved, str) else moved:
            connection.execute(
                sa.text("UPDATE identities SET home_id = :home WHERE id = :id AND customer_id <> :home"),
                {"home": other, "id": identity},
            )


def downgrade() -> None:
    raise NotImplementedError("decisions about customers would be lost: restore a copy of the database")
