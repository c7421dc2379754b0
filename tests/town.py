"""People for tests of privacy: Lin, whom we know by five ids, and Wang; and all that a database holds."""

import json

from sqlalchemy import select

from tests.arriving import COUNTER, OFFICIAL, WECOM, arrive, bound, fan_event, wecom_event, xml
from tests.callbacks import playing
from workers import jobs
from wxtag import drain, inbox
from wxtag.app import core
from wxtag.database import writing
from wxtag.inbox import accept
from wxtag.models import Base, Identity, InboxMessage, db
from wxtag.spooling import SpoolRecord

MINI = {
    "kind": "mini_program",
    "appid": playing.MP,
    "secret": "secret-three",
    "token": playing.TOKEN,
    "aes_key": playing.AES_KEY,
    "open_platform": "open-1",
}
PHONE = "+8613800138000"


class Town:
    """Lin is a fan (oLin), uses the mini-program (oMini), has Zhao as a contact (wmLin); Wang is a fan."""

    def __init__(self, company):
        self.id = company.id
        self.oa, self.mp, self.corp = bound(company, OFFICIAL), bound(company, MINI), bound(company, WECOM)

    def comes(self):
        arrive(self.oa, fan_event("subscribe"), fan_event("CLICK", EventKey="menu_lin"))
        arrive(self.oa, fan_event("subscribe", openid="oWang"))
        self.says(self.oa, "lookup", "user_info", self.fan())
        self.says(self.mp, "mini", "login", {"openid": "oMini", "unionid": "uLin"})
        self.says(self.mp, "mini", "phone", {"openid": "oMini", "phone": PHONE})
        arrive(self.corp, wecom_event("add_external_contact"))
        self.says(self.corp, "lookup", "contact", self.contact())
        self.works()

    def fan(self):
        answer = {"subscribe": 1, "openid": "oLin", "unionid": "uLin", "nickname": "林小满"}
        return {"subject": "oLin", "asked_at": playing.NOW * 1000, "answer": answer}

    def contact(self):
        answer = {
            "external_contact": {"external_userid": "wmLin", "name": "满满", "unionid": "uLin"},
            "follow_user": [
                {"userid": "Zhao", "remark": "店长的朋友", "createtime": playing.NOW, "tags": []}
            ],
        }
        return {"subject": "wmLin", "asked_at": playing.NOW * 1000, "answer": answer}

    def says(self, account, source, event, body, at=playing.NOW * 1000):
        record = SpoolRecord(
            account.id, account.company_id, source, json.dumps(body).encode(), at, event=event
        )
        return accept([(f"test:{next(COUNTER)}", record)])

    def cancels(self, account, openid, at=playing.NOW * 1000):
        return arrive(
            account,
            xml(
                ToUserName="gh_0a1b2c3d4e5f",
                FromUserName="oPush",
                CreateTime=at // 1000,
                MsgType="event",
                Event="user_authorization_cancellation",
                OpenID=openid,
                AppID=account.appid,
            ),
            at=at,
        )

    def works(self):
        while drain.drain(jobs._meaning, jobs._take_in):
            pass
        db.session.rollback()

    def everything(self):
        """All that the database holds, with what is sealed opened."""
        with db.engine.connect() as connection:
            found = [
                repr(tuple(row))
                for table in Base.metadata.sorted_tables
                for row in connection.execute(select(table))
            ]
        with writing() as session:
            read, columns = inbox.Reader(session), [getattr(InboxMessage, one) for one in inbox.Kept._fields]
            for row in session.execute(select(*columns).where(InboxMessage.body != b"")):
                found.append(json.dumps(read(inbox.Kept(*row)).content, ensure_ascii=False))
            for row in session.scalars(select(Identity).where(Identity.sealed.is_not(None))):
                found.append(core().sealer.open(row.sealed, "phone"))
        return "\n".join(found)

    def ids(self):
        db.session.rollback()
        return {row.value if row.kind != "phone" else "phone" for row in db.session.scalars(select(Identity))}

    def customer(self, value):
        db.session.rollback()
        return db.session.scalars(select(Identity.customer_id).where(Identity.value == value)).one()

    def replays(self):
        with writing() as session:
            count = inbox.replay(session, self.id)
        self.works()
        return count
