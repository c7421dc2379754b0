"""Prepares the embedded edition before its servers start: schema, and at first the accounts and the library.

Run by config/embedded.py as a process of its own; writes its answer, JSON, to the file that is named.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import flask_migrate
from sqlalchemy import func, select

from config import Settings, load, logging
from config.embedded_ground import remember, remembered
from config.embedded_http import ask
from wxtag import library, snapshot
from wxtag.accounts import KINDS
from wxtag.app import Core, core, create_core
from wxtag.companies import DEFAULT_NAME, bind, make_company
from wxtag.database import reading, writing
from wxtag.models import Company, User
from wxtag.setup_links import make_setup_link

STARTER_LIBRARY = Path(__file__).parent / "starter_library.yaml"
ACTOR = "embedded edition"


def main() -> int:
    parser = argparse.ArgumentParser(prog="config.embedded_first", description=__doc__)
    parser.add_argument("--answer", type=Path, required=True)
    parser.add_argument("--sandbox", default="", help="address of the sandbox; empty: there is none")
    chosen = parser.parse_args()
    settings = load()
    logging.setup(settings, "setup")
    with create_core(settings).app_context():
        print("准备数据库 · bringing the database up to date")
        flask_migrate.upgrade()
        answer = prepare(settings, sandbox_accounts(chosen.sandbox))
    chosen.answer.write_text(json.dumps(answer), encoding="utf-8")
    return 0


def sandbox_accounts(url: str) -> list[dict[str, Any]]:
    """The documents that the sandbox's accounts are bound with. Raises NoAnswer."""
    if not url:
        return []
    status, answer = ask("GET", f"{url}/sandbox/accounts")
    assert status == 200, f"the sandbox answered {status}: {answer}"
    found = answer["accounts"]
    assert isinstance(found, list)
    return found


def prepare(settings: Settings, documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Binds and loads what the first start needs; gives callback paths by account, and a setup token or "".

    A start that was killed in the middle is simply done again: binding and loading change nothing that
    is there already.
    """
    if not remembered(settings.data_dir).get("prepared"):
        _first(core(), documents)
        remember(settings.data_dir, prepared=True)
    with reading() as session:
        accounts = snapshot.refresh(session, settings, core().sealer)
        users, company_id = session.scalar(select(func.count(User.id))), session.scalar(select(Company.id))
    token = ""
    if not users and company_id:
        with writing() as session:
            token = make_setup_link(session, company_id)
    ours = {document.get("corpid") or document.get("appid") for document in documents}
    paths = {account.appid: account.callback_path for account in accounts if account.appid in ours}
    return {"callbacks": paths, "setup_token": token}


def _first(core: Core, documents: list[dict[str, Any]]) -> None:
    """One company with the sandbox's accounts (or none yet) and the library to begin with."""
    corps = [document["name"] for document in documents if document["kind"] == KINDS[0]]
    with writing() as session:
        company = session.scalar(select(Company).limit(1))
        if company is None:
            company = make_company(session, core.sealer, corps[0] if corps else DEFAULT_NAME)
        for document in documents:
            account = bind(session, core.sealer, company, document)
            print(f"已绑定 {account.name}（{account.appid}）· bound")
        library.load(session, company, STARTER_LIBRARY.read_text(encoding="utf-8"), ACTOR)
        print("已载入初始标签库 · loaded the starter library")


if __name__ == "__main__":
    raise SystemExit(main())
