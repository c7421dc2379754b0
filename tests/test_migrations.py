"""The migrations make, from an empty database, exactly the schema of the models, on both databases."""

import uuid
from pathlib import Path

import flask_migrate
import pymysql
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from config import Settings
from tests.conftest import MARIADB, SECRET_KEY, missing
from wxtag.app import core, create_core
from wxtag.companies import make_company
from wxtag.database import writing
from wxtag.models import Base, Customer, Identity, db


@pytest.fixture(params=["sqlite", "mariadb"])
def empty(request: pytest.FixtureRequest, tmp_path: Path):
    """The URL of a database with nothing in it, not even our collation."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    name = f"wxtag_empty_{uuid.uuid4().hex[:10]}"
    try:
        connection = pymysql.connect(**MARIADB, connect_timeout=3)
    except pymysql.err.OperationalError:
        missing("MariaDB on 127.0.0.1:3306")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    yield f"mysql+pymysql://root:@127.0.0.1:3306/{name}?charset=utf8mb4"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")
    connection.close()


@pytest.fixture
def migrated(empty, tmp_path):
    app = create_core(Settings(database_url=empty, secret_key=SECRET_KEY, data_dir=tmp_path))
    with app.app_context():
        flask_migrate.upgrade()
        yield app
        db.session.remove()
        db.engine.dispose()


def test_the_migrated_schema_is_the_models(migrated):
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = [
            one for one in compare_metadata(context, Base.metadata) if "alembic_version" not in str(one)
        ]
    assert differences == []


def test_upgrading_again_changes_nothing(migrated):
    flask_migrate.upgrade()
    assert db.session.execute(text("SELECT COUNT(*) FROM alembic_version")).scalar_one() == 1


def test_ids_that_differ_in_case_are_two_and_emoji_are_kept(migrated):
    with writing() as session:
        company = make_company(session, core().sealer, "公司")
        customer = Customer(company_id=company.id, name="林晓😀𠮷", created_at=1)
        session.add(customer)
        session.flush()
        for value in ("wmAbC", "wmabc"):
            session.add(
                Identity(
                    company_id=company.id,
                    kind="external_userid",
                    scope="ww1",
                    value=value,
                    customer_id=customer.id,
                    created_at=1,
                )
            )
    found = db.session.query(Identity).filter_by(value="wmabc").all()
    assert [row.value for row in found] == ["wmabc"]
    assert db.session.query(Customer.name).scalar() == "林晓😀𠮷"
