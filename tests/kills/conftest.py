"""One running line, with its own servers, for the trials of a test process."""

from collections.abc import Iterator

import pytest

from tests.kills.line import Line


@pytest.fixture(scope="session")
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    made = Line(tmp_path_factory.mktemp("k"), getattr(request, "param", "mariadb"))
    try:
        made.start()
        yield made
    finally:
        made.stop()
