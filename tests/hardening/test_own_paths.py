"""Where a visitor may be sent after web authorisation: to this site and nowhere else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from wxtag.web.oauth.doors import own


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="/\\:@?#%.\t\n\r\x00 aé", max_size=12).map(lambda text: "/" + text))
def test_whatever_is_taken_stays_here(target: str) -> None:
    if not own(target):
        return
    # As browsers read it: they drop these three letters and take a backslash for a slash.
    read = target.translate({9: None, 10: None, 13: None}).replace("\\", "/")
    assert read.startswith("/") and not read.startswith("//")
