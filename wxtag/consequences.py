"""What follows from a message besides ids, events and relations: erasing, withdrawing, consents, staff."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from wxtag import clock, staff
from wxtag.events.decoded import Decoded, NewConsent, StaffChange
from wxtag.identities import identity_row
from wxtag.models import Company, Consent, Customer, Staff
from wxtag.privacy.erasing import bury_unknown, erase
from wxtag.privacy.withdrawing import withdraw


def follow(session: Session, company: Company, decoded: Decoded, message_id: int | None) -> set[int]:
    """Returns the customers that it touches. To be called after the rest of the message was written."""
    touched: set[int] = set()
    for news in decoded.consents:
        _consent(session, company, news, message_id)
    for withdrawal in decoded.withdrawals:
        touched |= withdraw(session, company, withdrawal)
    for change in decoded.staff:
        touched |= _staff(session, company.id, change)
    for one in decoded.erasures:
        row = identity_row(session, company, one.who)
        if row is None:
            bury_unknown(session, company, one.who, "account_closed", "platform", clock.now())
        else:
            touched |= erase(session, company, {row.id}, "account_closed", "platform", clock.now())
    return touched


def still_there(session: Session, customer_ids: set[int]) -> set[int]:
    """Without those who were erased."""
    return set(session.scalars(select(Customer.id).where(Customer.id.in_(customer_ids))))


def _consent(session: Session, company: Company, news: NewConsent, message_id: int | None) -> None:
    row = identity_row(session, company, news.who)
    if row is None:
        return
    origin = {"message": message_id} | ({"about": news.about} if news.about else {})
    told = select(Consent).where(
        Consent.identity_id == row.id, Consent.kind == news.kind, Consent.at == news.at
    )
    if all(one.origin != origin for one in session.scalars(told)):
        session.add(
            Consent(
                company_id=company.id,
                identity_id=row.id,
                kind=news.kind,
                given=news.given,
                origin=origin,
                at=news.at,
            )
        )


def _staff(session: Session, company_id: int, change: StaffChange) -> set[int]:
    departments = list(change.departments) if change.departments is not None else None
    if change.verb == "left":
        return staff.left(session, company_id, change.corpid, change.userid, change.at)
    if change.verb == "out_of_range":
        session.execute(
            update(Staff)
            .where(
                Staff.company_id == company_id,
                Staff.corpid == change.corpid,
                Staff.userid == change.userid.lower(),
                Staff.status == "active",
            )
            .values(status="out_of_range")
        )
        return set()
    touched: set[int] = set()
    userid = change.userid
    if change.verb == "renamed":
        touched = staff.renamed(session, company_id, change.corpid, change.userid, change.new_userid)
        userid = change.new_userid
    staff.joined(session, company_id, change.corpid, userid, change.name, departments)
    return touched
