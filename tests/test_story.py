"""The story of the first start, told to a real sandbox: what it says when the tag comes and when not."""

import time
from collections.abc import Iterator

import pytest

from config import story
from config.embedded_http import NoAnswer, ask
from wxtag.sandbox.app import create_sandbox
from wxtag.sandbox.core import sandbox_of
from wxtag.sandbox.library import create_tags
from wxtag.sandbox.serve import serve


@pytest.fixture
def sandbox() -> Iterator[serve]:
    with serve(create_sandbox()) as running:
        yield running


def test_every_act_of_the_story_is_one_the_sandbox_knows(
    sandbox: serve, capsys: pytest.CaptureFixture[str]
) -> None:
    for sentence, verb, body in story.STEPS:
        story.play(sandbox.url, sentence, verb, body)
    skipped = [line for line in capsys.readouterr().out.splitlines() if "skipped" in line]
    # Nobody answers for the product here, so that only its mini-program cannot be opened.
    assert len(skipped) == 1
    assert skipped[0].startswith("林晓登录小程序")


def test_a_story_that_broke_off_is_told_again_from_the_start(
    sandbox: serve, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        for sentence, verb, body in story.STEPS:
            story.play(sandbox.url, sentence, verb, body)
    assert "已经关注了公众号" in capsys.readouterr().out


def test_it_says_when_staff_see_the_tag(sandbox: serve, capsys: pytest.CaptureFixture[str]) -> None:
    story.play(sandbox.url, *story.STEPS[3])
    world = sandbox_of(sandbox.app).world
    _, _, tags = create_tags(world, story.CORP, "console", "地区", [("浙江·杭州", 1)])
    body = {"person": "lin", "corpid": story.CORP, "userid": story.STAFF, "add_tags": [tags[0]["id"]]}
    assert ask("POST", f"{sandbox.url}/sandbox/act/edit_contact", body)[0] == 200
    assert story.wait(sandbox.url, time.monotonic() + 5, time.monotonic())
    assert "✔ story told: 浙江·杭州 on Lin after 0." in capsys.readouterr().out


def test_it_says_plainly_when_the_tag_does_not_come(
    sandbox: serve, capsys: pytest.CaptureFixture[str]
) -> None:
    story.play(sandbox.url, *story.STEPS[3])
    assert not story.wait(sandbox.url, time.monotonic() + 0.1, time.monotonic())
    assert "没有看到「浙江·杭州」" in capsys.readouterr().out


def test_no_sandbox_is_said_and_not_a_traceback() -> None:
    with pytest.raises(NoAnswer):
        story.play("http://127.0.0.1:9", *story.STEPS[0])
