"""Keys: only a hash is kept, and a key of the role staff names whose it is."""

import pytest
from sqlalchemy import select, text

from tests.web.town import ONE_DATABASE
from wxtag.apikeys import make_key, verify
from wxtag.database import writing
from wxtag.errors import InputError
from wxtag.models import ApiKey, db


def test_the_key_itself_is_not_kept(app, company):
    with writing() as session:
        key = make_key(session, company.id, "staff", "WW1/ZhaoMin")
    row = db.session.execute(text("SELECT * FROM api_keys")).one()
    assert key not in str(row) and len(key) > 40
    caller = verify(db.session(), key)
    assert (caller.company_id, caller.role, caller.corpid, caller.userid) == (
        company.id,
        "staff",
        "ww1",
        "zhaomin",
    )
    assert verify(db.session(), key[:-1]) is None


@ONE_DATABASE
@pytest.mark.parametrize(
    ("role", "staff"),
    [
        ("boss", None),
        ("staff", None),
        ("staff", "ww1"),
        ("staff", "ww1/"),
        ("admin", "ww1/zhao"),
        ("admin", "ww1"),
    ],
)
def test_a_key_that_means_nothing_is_not_made(app, company, role, staff):
    with pytest.raises(InputError), writing() as session:
        make_key(session, company.id, role, staff)
    assert db.session.scalar(select(ApiKey)) is None
