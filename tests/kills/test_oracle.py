"""The oracle of the kills itself: it passes what is right, and names each thing that is not."""

import random

import pytest
import requests
from sqlalchemy import text

from tests.kills.line import Line
from tests.kills.oracle import check
from tests.kills.stream import Stream


def test_the_oracle_names_what_is_lost_doubled_or_wrong(line: Line) -> None:
    stream, chance = Stream(line, 7), random.Random(7)
    stream.gather(2)
    session = requests.Session()
    sent = [stream.send(session, chance) for _ in range(12)]
    line.settle(60)
    check(line, stream, 0)
    some = next(one for one in sent if one.kind == "messaged" and not one.mini)
    mine = "identity_id = (SELECT id FROM identities WHERE value = :value) AND kind = :kind"

    def told(statement: str) -> str:
        with line.engine.begin() as connection:
            connection.execute(text(statement), {"value": some.person.openid, "kind": some.kind})
        with pytest.raises(AssertionError) as caught:
            check(line, stream, 0)
        some.acknowledged = True
        return str(caught.value)

    columns = [row[0] for row in line.rows("SHOW COLUMNS FROM events") if row[0] not in ("id", "uid")]
    copied = ", ".join(f"`{name}`" for name in columns)
    doubled = f"INSERT INTO events (uid, {copied}) SELECT CONCAT(uid, 'x'), {copied} FROM events WHERE {mine}"
    assert "is there 2 times" in told(doubled)
    assert "was acknowledged and is lost" in told(f"DELETE FROM events WHERE {mine}")
    person = "(SELECT id FROM customers ORDER BY id DESC LIMIT 1)"
    moved = f"UPDATE identities SET customer_id = {person} + 0 WHERE value = :value AND :kind <> ''"
    assert "customer" in told(moved)
    lost = "DELETE FROM inbox_messages WHERE source = 'callback' AND :value <> :kind ORDER BY id DESC LIMIT 1"
    stream.failed = 0
    assert "rows in the inbox for" in told(lost)
