"""The documentation says what there is: every step that was left out is named here, with where it belongs."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from apiflask import APIFlask
from flask.cli import FlaskGroup
from pydantic import BaseModel

from config import Settings
from config.settings import NAMES
from wsgi import create_app
from wxtag.events import meaning, mini_program
from wxtag.events.vocabulary import EVENT_KINDS
from wxtag.tags.kinds import KINDS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
PAYLOADS = ROOT / "tests" / "payloads"
TABLES = meaning.EVENTS
HEADING_OF_EVENTS = {
    "official_account": "From an Official Account",
    "mini_program": "From a mini-program",
    "wecom": "From WeCom",
}
THEIR_OWN = {"run", "shell", "routes", "spec", "db"}
"""Commands of Flask, APIFlask and Flask-Migrate."""
METRICS = re.compile(r"(Counter|Gauge|Histogram|Summary|MetricFamily)$")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
IN_CODE = re.compile(r"`([^`\n]+)`")


@cache
def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def section(page: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}$", text(page), re.MULTILINE)
    assert found, f"{page} has no heading {heading!r}: write that section"
    rest = text(page)[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def rows(markdown: str) -> Iterator[list[str]]:
    """The rows of its tables, without heads and lines, their code marks taken off."""
    for before, line in zip(["", *markdown.splitlines()], markdown.splitlines(), strict=False):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if line.startswith("|") and not set(line) <= set("|- :") and before.startswith("|"):
            yield [cell.strip("`") for cell in cells]


def names(markdown: str) -> set[str]:
    """Everything in its tables that is written as code."""
    return {word for line in markdown.splitlines() if line.startswith("|") for word in IN_CODE.findall(line)}


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def headings(markdown: str) -> list[tuple[int, str]]:
    found = re.findall(r"^(#+) (.+)$", FENCE.sub("", markdown), re.MULTILINE)
    return [(len(marks), words) for marks, words in found]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> APIFlask:
    folder = tmp_path_factory.mktemp("docs")
    return create_app(
        Settings(
            database_url=f"sqlite:///{folder / 'db'}",
            redis_url="unix:///nowhere",
            secret_key="a test key that is long enough to be taken",
            data_dir=folder,
        )
    )


@pytest.fixture(scope="module")
def commands(app: APIFlask) -> dict[str, click.Command]:
    """Every command by its words, those of the libraries too."""
    group = FlaskGroup(create_app=lambda: app)
    found: dict[str, click.Command] = {}

    def walk(command: click.Command, words: str) -> None:
        found[words] = command
        if isinstance(command, click.Group):
            for name, below in command.commands.items():
                walk(below, f"{words} {name}".strip())

    for name in group.commands | app.cli.commands:
        walk((group.commands | app.cli.commands)[name], name)
    return found


def test_every_setting_has_its_row_with_its_default() -> None:
    shown = {row[0]: row[1].strip("`") for row in rows(section("docs/settings.md", "All settings"))}
    assert set(NAMES) - set(shown) == set(), "docs/settings.md lacks these settings: add their rows"
    assert set(shown) - set(NAMES) == set(), "docs/settings.md has settings that there are not"
    usual = Settings()
    for name, field in NAMES.items():
        value = getattr(usual, field)
        if isinstance(value, bool):
            value = "on" if value else "off"
        if value != "":
            assert shown[name] == str(value), f"docs/settings.md: the default of {name} is {value}"


def test_pages_name_only_settings_that_there_are() -> None:
    wrong = {
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"\bWXTAG_[A-Z_]*[A-Z]\b(?!\*)", page.read_text(encoding="utf-8"))
        if name not in NAMES and name.removesuffix("_FILE") not in NAMES and name != "WXTAG_TIMEZON"
    }
    assert not wrong, f"there are no such settings: {sorted(wrong)}"


def test_the_table_of_events_is_the_vocabulary() -> None:
    shown = [tuple(row) for row in rows(section("docs/events.md", "Kinds"))]
    meant = [(kind.name, "yes" if kind.interaction else "no", kind.text) for kind in EVENT_KINDS]
    assert shown == meant, "docs/events.md, Kinds: make it equal to wxtag/events/vocabulary.py"


@pytest.mark.parametrize("platform", TABLES)
def test_every_event_of_a_platform_has_its_row_and_its_payload(platform: str) -> None:
    shown = {row[0] for row in rows(section("docs/events.md", HEADING_OF_EVENTS[platform])) if "." in row[0]}
    assert shown == TABLES[platform], f"docs/events.md, {HEADING_OF_EVENTS[platform]}: rows and table differ"
    payloads = {path.stem.split("+")[0] for path in (PAYLOADS / platform).iterdir()}
    missing = TABLES[platform] - payloads
    assert not missing, f"add a payload for each of {sorted(missing)} to tests/payloads/{platform}/"
    unread = payloads - TABLES[platform]
    assert not unread, f"tests/payloads/{platform}/ has payloads that no table reads: {sorted(unread)}"


def test_every_event_becomes_a_kind_that_there_is() -> None:
    kinds = {kind.name for kind in EVENT_KINDS}
    for heading in HEADING_OF_EVENTS.values():
        for row in rows(section("docs/events.md", heading)):
            named = set(re.findall(r"[a-z_]+", row[1]))
            assert named <= kinds, f"docs/events.md: {row[0]} becomes {row[1]}, which is no kind"


def test_answers_and_reports_have_their_rows() -> None:
    shown = names(text("docs/events.md"))
    for source, event in meaning.OURS:
        name = f"{source}.{event}" if source in ("lookup", "import") else event
        assert name in shown, f"docs/events.md lacks a row for {name}"
    assert set(mini_program.REPORTS) <= shown, "docs/events.md lacks a kind of report of mini-programs"


def _properties(params: type[BaseModel]) -> set[str]:
    found: set[str] = set()
    schema = params.model_json_schema()
    for part in [schema, *schema.get("$defs", {}).values()]:
        found |= set(part.get("properties", {}))
    return found - {"kind"}


def test_every_tag_kind_is_described_with_its_parameters() -> None:
    page = text("docs/tags.md")
    for kind in KINDS:
        assert f"`{kind.name}`" in page, f"docs/tags.md does not describe the kind {kind.name}"
        assert kind.title in page, f"docs/tags.md does not say {kind.title} ({kind.name})"
        missing = {name for name in _properties(kind.params) if name not in page} if kind.params else set()
        assert not missing, f"docs/tags.md does not name {sorted(missing)} of the kind {kind.name}"


def test_every_command_has_its_section_with_its_options(commands: dict[str, click.Command]) -> None:
    for words, command in commands.items():
        if words.split()[0] in THEIR_OWN or isinstance(command, click.Group):
            continue
        told = section("docs/commands.md", words)
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in told, (
                    f"docs/commands.md, {words}: say what {parameter.opts[0]} does"
                )
    for words in THEIR_OWN - {"db"}:
        assert f"`flask {words}`" in text("docs/commands.md"), f"docs/commands.md does not name flask {words}"


def test_pages_name_only_commands_that_there_are(commands: dict[str, click.Command]) -> None:
    for page in PAGES:
        for named in re.findall(r"flask --app wsgi ((?:[a-z-]+ ?)+)", page.read_text(encoding="utf-8")):
            words = named.split()
            known = " ".join(words[:2]) in commands or (words[0] in commands and len(words) == 1)
            single = words[0] in commands and not isinstance(commands[words[0]], click.Group)
            assert known or single, (
                f"{page.name} names `flask --app wsgi {named}`, and there is no such command"
            )


def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))


def test_every_make_target_has_its_row() -> None:
    shown = {row[0].removeprefix("make ") for row in rows(section("docs/commands.md", "make"))}
    assert shown == _targets(), "docs/commands.md, make: rows and the targets of Makefile differ"
    for page in PAGES:
        for name in re.findall(r"`make ([a-z-]+)", page.read_text(encoding="utf-8")):
            assert name in _targets(), f"{page.name} names `make {name}`, and there is no such target"


def _metrics() -> set[str]:
    """Names as Prometheus sees them: a counter's ends in _total."""
    found: set[str] = set()
    for folder in ("wxtag", "callbacks", "workers"):
        for path in (ROOT / folder).rglob("*.py"):
            if "sandbox" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                made, first = getattr(node.func, "id", getattr(node.func, "attr", "")), node.args[0]
                if METRICS.search(made) and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    name = first.value.removesuffix("_total")
                    found.add(name + "_total" if made.startswith("Counter") else first.value)
    gauges = (ROOT / "wxtag" / "gauges.py").read_text(encoding="utf-8")
    return found | set(re.findall(r'"(wxtag_[a-z_]+)"', gauges))


def test_every_metric_has_its_row() -> None:
    shown = {row[0] for row in rows(section("docs/operating.md", "Metrics"))}
    assert shown == _metrics(), "docs/operating.md, Metrics: rows and the metrics in the code differ"


def test_every_call_of_the_api_has_its_row(app: APIFlask) -> None:
    there = set()
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule.rule)
        if path.startswith(("/api/v1/", "/mini/")):
            there |= {f"{m} {path.removeprefix('/api/v1')}" for m in rule.methods - {"HEAD", "OPTIONS"}}
    api = "docs/api.md"
    tables = section(api, "Calls") + section(api, "Addresses for mini-programs")
    shown = {row[0] for row in rows(tables)}
    assert shown == there, "docs/api.md: the rows of calls and the addresses of the program differ"


def _links(page: Path) -> Iterator[str]:
    yield from LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, and there is no such file"
        if anchor:
            known = {slug(words) for _, words in headings(target.read_text(encoding="utf-8"))}
            assert anchor in known, f"{page.name} links to {link}, and there is no such heading"


def test_files_that_pages_name_are_there() -> None:
    folders = "callbacks|config|docs|migrations|tests|tools|workers|wxtag"
    for page in PAGES:
        for path in re.findall(rf"`((?:{folders})/[\w./-]+)`", page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{page.name} names {path}, and there is no such file"


def test_the_two_readmes_say_the_same() -> None:
    english, chinese = text("README.md"), text("README.zh-CN.md")
    levels = [[level for level, _ in headings(page)] for page in (english, chinese)]
    assert levels[0] == levels[1], "README.md and README.zh-CN.md have other headings"
    fences = [FENCE.findall(page) for page in (english, chinese)]
    assert fences[0] == fences[1], "README.md and README.zh-CN.md show other commands or outputs"
    links = [
        sorted({link for link in LINK.findall(page) if link.startswith(("docs/", "CHANGELOG", "LICENSE"))})
        for page in (english, chinese.replace("line.zh-CN.svg", "line.svg"))
    ]
    assert links[0] == links[1], "README.md and README.zh-CN.md link to other pages"
    assert max(len(english.splitlines()), len(chinese.splitlines())) <= 120


def test_decisions_are_short_and_numbered_without_a_gap() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{n:04d}" for n in range(1, len(pages) + 1)]
    for page in pages:
        lines = page.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {page.name[:4]}: "), f"{page.name} does not open with its number"
        assert len(lines) <= 40, f"{page.name} has {len(lines)} lines: at most 40"
