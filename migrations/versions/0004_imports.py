"""imports, departments

Revision ID: 0004
Revises: 0003

"""
from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
TABLE = {'mysql_charset': 'utf8mb4', 'mysql_collate': 'utf8mb4_bin', 'mysql_engine': 'InnoDB'}


def upgrade():
    op.create_table(
        'departments',
        sa.Column('id', BIG, autoincrement=True, nullable=False),
        sa.Column('company_id', BIG, nullable=False),
        sa.Column('corpid', sa.String(length=128), nullable=False),
        sa.Column('number', sa.BigInteger(), nullable=False),
        sa.Column('parent', sa.BigInteger(), nullable=False),
        sa.Column('name', sa.String(length=190), nullable=False),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_departments_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_departments')),
        sa.UniqueConstraint('company_id', 'corpid', 'number', name=op.f('uq_departments_company_id_corpid_number')),
        **TABLE,
    )
    op.create_index(op.f('ix_departments_company_id'), 'departments', ['company_id'])
    op.create_table(
        'imports',
        sa.Column('id', BIG, autoincrement=True, nullable=False),
        sa.Column('company_id', BIG, nullable=False),
        sa.Column('account_id', BIG, nullable=False),
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('state', sa.String(length=32), nullable=False),
        sa.Column('stage', sa.String(length=32), nullable=False),
        sa.Column('cursor', sa.JSON(), nullable=False),
        sa.Column('plan', sa.JSON(), nullable=False),
        sa.Column('counts', sa.JSON(), nullable=False),
        sa.Column('resume_at', sa.BigInteger(), nullable=False),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('error', sa.Text(), nullable=True),
        sa.Column('started_at', sa.BigInteger(), nullable=False),
        sa.Column('changed_at', sa.BigInteger(), nullable=False),
        sa.Column('finished_at', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['account_id'], ['accounts.id'], name=op.f('fk_imports_account_id')),
        sa.ForeignKeyConstraint(['company_id'], ['companies.id'], name=op.f('fk_imports_company_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_imports')),
        **TABLE,
    )
    op.create_index('ix_imports_account', 'imports', ['account_id', 'kind', 'id'])
    op.create_index(op.f('ix_imports_company_id'), 'imports', ['company_id'])
    op.create_index('ix_imports_due', 'imports', ['state', 'resume_at'])


def downgrade():
    op.drop_table('imports')
    op.drop_table('departments')
