"""The page about the sandbox names everything that there is."""

import re
from pathlib import Path

from flask import Flask

from wxtag.sandbox import create_sandbox
from wxtag.sandbox.acts import acts

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_act_has_its_row() -> None:
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
    named = {verb for row in rows for verb in re.findall(r"`([a-z_]+)`", row)}
    assert not set(acts) - named, "docs/sandbox.md, Acts: rows are missing"


def test_every_address_of_the_control_interface_is_named() -> None:
    app: Flask = create_sandbox()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/sandbox/"):
            shown = rule.rule.split("<verb>")[0].split("<view>")[0]
            assert shown in PAGE, f"docs/sandbox.md: {rule.rule} is missing"
