"""The log: readable by a person or by a machine, and without secrets."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from config import Settings
from config.logging import setup


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(form: str) -> str:
    """What an INFO line, a DEBUG line and an error become."""
    stream = io.StringIO()
    setup(Settings(log_format=form), "worker", stream)
    log = logging.getLogger("wxtag.push")
    log.info("给 %s 打了标签", "林晓", extra={"corp": "ww1"})
    log.debug("not shown")
    try:
        raise ValueError("GET https://x/cgi-bin/user?access_token=SESAME&x=1")
    except ValueError:
        log.exception("call failed")
    log.warning("mysql+pymysql://wxtag:SESAME@db/wxtag and secret=SESAME")
    return stream.getvalue()


def test_text_lines_say_who_when_and_what() -> None:
    text = logged("text")
    first = text.splitlines()[0]
    assert " INFO worker wxtag.push: 给 林晓 打了标签" in first
    assert "not shown" not in text
    assert "access_token=***&x=1" in text
    assert "SESAME" not in text


def test_json_lines_are_one_object_each_with_chinese_in_it() -> None:
    text = logged("json")
    assert "林晓" in text
    assert "SESAME" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["level"] for line in lines] == ["info", "error", "warning"]
    assert lines[0]["text"] == "给 林晓 打了标签"
    assert (lines[0]["process"], lines[0]["logger"], lines[0]["corp"]) == ("worker", "wxtag.push", "ww1")
    assert "ValueError" in lines[1]["error"]


def test_setting_up_twice_writes_once() -> None:
    stream = io.StringIO()
    setup(Settings(), "web", io.StringIO())
    setup(Settings(), "web", stream)
    logging.getLogger("wxtag").info("once")
    assert stream.getvalue().count("once") == 1
