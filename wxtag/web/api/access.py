"""Who may call the API: bearer keys, and the three roles."""

from apiflask import APIBlueprint, HTTPTokenAuth

from wxtag.apikeys import Caller, verify
from wxtag.app import core
from wxtag.bell import ring
from wxtag.database import reading

EVERYONE = ["admin", "manager", "staff"]
MANAGERS = ["admin", "manager"]
auth = HTTPTokenAuth(
    name="Key", description="A key made by `flask --app wsgi api-key create --role admin|manager|staff`."
)


@auth.verify_token  # type: ignore[untyped-decorator]
def _verify(key: str) -> Caller | None:
    if not key:
        return None
    with reading() as session:
        return verify(session, key)


@auth.get_user_roles  # type: ignore[untyped-decorator]
def _role(caller: Caller) -> str:
    return caller.role


def caller() -> Caller:
    """The bearer of this request's key."""
    found = auth.current_user
    assert isinstance(found, Caller)
    return found


def blueprint(name: str, tag: str) -> APIBlueprint:
    """A part of /api/v1, shown under `tag` in its document."""
    return APIBlueprint(f"api_{name}", __name__, url_prefix="/api/v1", tag=tag)


def compute_soon() -> None:
    """What was written touches customers: the workers hear of it now instead of at the next sweep."""
    ring(core().redis, "compute")
