"""Companies and their accounts: made, bound, opened, and written to the sealed snapshot for the doors."""

import re
import secrets
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wxtag import clock, rebinding
from wxtag.accounts import KINDS, BoundAccount, account_key
from wxtag.errors import InputError, NotFound
from wxtag.models import Account, Company
from wxtag.sealing import Sealer

SECRET = "account secret"
HASH_KEY = "company hash key"
MODES = ("plain", "compatible", "safe")
DEFAULT_NAME = "default"


def company_named(session: Session, name: str | None) -> Company:
    """The company of that name; without a name the only one. Raises NotFound, naming what there is."""
    if name:
        found = session.scalar(select(Company).where(Company.name == name))
        if found is None:
            known = ", ".join(session.scalars(select(Company.name))) or "none yet"
            raise NotFound(f"there is no company {name!r} (known: {known})")
        return found
    companies = list(session.scalars(select(Company).limit(2)))
    if len(companies) == 1:
        return companies[0]
    if not companies:
        raise NotFound("there is no company yet: bind an account first (flask --app wsgi account bind FILE)")
    raise NotFound("there are several companies: say which one with --company NAME")


def make_company(session: Session, sealer: Sealer, name: str = DEFAULT_NAME) -> Company:
    """A new company with a hash key of its own."""
    company = Company(
        name=name, hash_key=sealer.seal(secrets.token_hex(32), HASH_KEY), created_at=clock.now()
    )
    session.add(company)
    session.flush()
    return company


def hash_key(company: Company, sealer: Sealer) -> bytes:
    """The key of this company's keyed hashes."""
    return bytes.fromhex(sealer.open(company.hash_key, HASH_KEY))


def bind(session: Session, sealer: Sealer, company: Company, document: dict[str, Any]) -> Account:
    """Binds an account, or updates the one with the same id. Raises InputError naming every fault."""
    values = _checked(document)
    key, kind = account_key(values["kind"], values["appid"]), values["kind"]
    account = session.scalar(
        select(Account).where(Account.kind == kind, Account.key == key, Account.agentid == values["agentid"])
    )
    if account is not None and account.company_id != company.id:
        raise InputError(
            f"{values['appid']} is bound to another company of this installation: unbind it there"
        )
    now = clock.now()
    if account is None:
        account = Account(
            company_id=company.id, kind=kind, key=key, agentid=values["agentid"], created_at=now
        )
        account.open_platform = values["open_platform"]
        session.add(account)
    else:
        if account.open_platform != values["open_platform"]:
            rebinding.moved(session, account, values["open_platform"])
        old = sealer.open(account.aes_key, SECRET)
        if old and old != values["aes_key"]:
            # Pushes that were encrypted before the change still arrive for a while.
            account.previous_aes_key = account.aes_key
    account.appid = values["appid"]
    account.name = values["name"]
    account.mode, account.format = values["mode"], values["format"]
    account.secret = sealer.seal(values["secret"], SECRET)
    account.token = sealer.seal(values["token"], SECRET)
    account.aes_key = sealer.seal(values["aes_key"], SECRET)
    account.status, account.trouble, account.updated_at = "active", None, now
    session.flush()
    return account


def opened(account: Account, sealer: Sealer) -> BoundAccount:
    """The account with its secrets opened."""
    previous = account.previous_aes_key
    return BoundAccount(
        id=account.id,
        company_id=account.company_id,
        kind=account.kind,
        appid=account.appid,
        key=account.key,
        agentid=account.agentid,
        name=account.name,
        open_platform=account.open_platform,
        mode=account.mode,
        format=account.format,
        secret=sealer.open(account.secret, SECRET),
        token=sealer.open(account.token, SECRET),
        aes_key=sealer.open(account.aes_key, SECRET),
        previous_aes_key=sealer.open(previous, SECRET) if previous else "",
    )


def all_opened(session: Session, sealer: Sealer) -> list[BoundAccount]:
    """Every account of every company: for the snapshot of the doors."""
    return [opened(account, sealer) for account in session.scalars(select(Account).order_by(Account.id))]


def newest_change(session: Session) -> tuple[int, int]:
    """Changes whenever an account was bound or updated: (how many, newest time)."""
    count, newest = session.execute(select(func.count(Account.id), func.max(Account.updated_at))).one()
    return int(count), int(newest or 0)


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    """The values of a binding document, or every fault in it."""
    faults: list[str] = []
    kind = document.get("kind")
    if kind not in KINDS:
        raise InputError(f"kind is {kind!r}: expected one of {', '.join(KINDS)}")
    id_field = "corpid" if kind == "wecom" else "appid"
    known = {"kind", "secret", "token", "aes_key", "name", "open_platform", id_field}
    known |= {"agentid"} if kind == "wecom" else {"mode"}
    known |= {"format"} if kind == "mini_program" else set()
    faults += [f"{name}: not a field of {kind}" for name in sorted(set(document) - known)]
    text: dict[str, str] = {}
    for name in (id_field, "secret", "token", "aes_key", "name", "open_platform"):
        value = document.get(name, "")
        if not isinstance(value, str):
            faults.append(f"{name} is {type(value).__name__}: expected text")
            value = ""
        text[name] = value.strip()
    mode = document.get("mode", "safe") if kind != "wecom" else "safe"
    form = document.get("format", "xml") if kind == "mini_program" else "xml"
    agentid = document.get("agentid", 0) if kind == "wecom" else 0
    if isinstance(agentid, str) and agentid.isdigit():
        agentid = int(agentid)
    if not isinstance(agentid, int) or isinstance(agentid, bool) or agentid < 0:
        faults.append(f"agentid is {agentid!r}: expected a number like 1000002")
    if mode not in MODES:
        faults.append(f"mode is {mode!r}: expected {', '.join(MODES)}")
    if form not in ("xml", "json"):
        faults.append(f"format is {form!r}: expected xml or json")
    faults += _faulty_texts(kind, id_field, text, mode)
    if faults:
        raise InputError("this binding cannot be used: " + "; ".join(faults), faults)
    return {
        "kind": kind,
        "appid": text[id_field],
        "agentid": agentid,
        "secret": text["secret"],
        "token": text["token"],
        "aes_key": text["aes_key"],
        "name": text["name"] or text[id_field],
        "open_platform": text["open_platform"],
        "mode": mode,
        "format": form,
    }


def _faulty_texts(kind: str, id_field: str, text: dict[str, str], mode: Any) -> list[str]:
    """Length and alphabet of what is copied from the platforms' consoles; no secret is repeated."""
    faults = []
    pattern = r"[wW][wWxX][0-9A-Za-z]{1,62}" if kind == "wecom" else r"wx[0-9a-f]{16}"
    shape = "a corpid like ww0123456789abcdef" if kind == "wecom" else "an appid: wx and 16 hex digits"
    if not re.fullmatch(pattern, text[id_field]):
        faults.append(f"{id_field} is {text[id_field]!r}: expected {shape}")
    if not text["secret"]:
        faults.append("secret is empty")
    if not re.fullmatch(r"[0-9A-Za-z]{3,32}", text["token"]):
        faults.append(f"token has {len(text['token'])} characters: expected 3 to 32 letters and digits")
    needs_key = mode != "plain" or text["aes_key"]
    if needs_key and not re.fullmatch(r"[0-9A-Za-z]{43}", text["aes_key"]):
        faults.append(
            f"aes_key has {len(text['aes_key'])} characters: expected exactly 43 letters and digits"
        )
    return faults
