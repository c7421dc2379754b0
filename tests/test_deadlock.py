"""A deadlock takes the whole transaction back, so nothing of a batch may count as done after one."""

import pymysql
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tests.arriving import OFFICIAL, WECOM, arrive, bound, fan_event, wecom_event
from wxtag import drain
from wxtag.app import core
from wxtag.claims import Watch
from wxtag.companies import make_company
from wxtag.database import reading, writing
from wxtag.events.decoded import Decoded
from wxtag.models import Company, InboxMessage, Touched


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_what_was_done_before_a_deadlock_is_done_again(company: Company) -> None:
    with writing() as session:
        other = make_company(session, core().sealer, "云上花坊")
    arrive(bound(company, WECOM), wecom_event("add_external_contact"))
    arrive(bound(other, OFFICIAL), fan_event("subscribe"))
    deadlocks = [1213]

    def work(session, company_id, meant) -> None:
        session.add(Touched(company_id=company_id, customer_id=company_id, at=1))
        session.flush()
        if company_id == other.id and deadlocks:
            # As MariaDB does it: all of the transaction is gone, its savepoints too.
            session.connection().connection.driver_connection.rollback()
            raise OperationalError("UPDATE", {}, pymysql.err.OperationalError(deadlocks.pop(), "Deadlock"))

    def drained() -> int:
        return drain.drain(lambda message, content: Decoded(), work)

    with pytest.raises(OperationalError):
        drained()
    Watch().beat()
    assert drained() == 2
    with reading() as session:
        assert set(session.scalars(select(InboxMessage.state))) == {"done"}
        assert sorted(session.scalars(select(Touched.company_id))) == [company.id, other.id]
        assert set(session.scalars(select(InboxMessage.tries))) == {0}
