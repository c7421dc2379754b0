"""A group of tags says itself whether it left the library: one may be there without a tag."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tag_groups", sa.Column("retired_at", sa.BigInteger(), nullable=True))
    # Until now a group without a family was gone when all its tags were.
    op.execute(
        """
        UPDATE tag_groups SET retired_at =
            (SELECT MAX(retired_at) FROM tags WHERE tags.group_id = tag_groups.id)
        WHERE (family IS NULL OR family = 'null')
          AND NOT EXISTS
            (SELECT 1 FROM tags WHERE tags.group_id = tag_groups.id AND tags.retired_at IS NULL)
        """
    )


def downgrade() -> None:
    op.drop_column("tag_groups", "retired_at")
