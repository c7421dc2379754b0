"""The API's document as a page for people, drawn by us: nothing is loaded from elsewhere."""

from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, current_app, render_template

bp = Blueprint("api_docs", __name__)
ORDER = ("Customers", "Conflicts", "Events", "Tag library", "Mini-programs")


@bp.get("/api/docs")
def docs() -> str:
    """All calls, grouped, and the shapes that they send and answer."""
    document: dict[str, Any] = cast(APIFlask, current_app).spec  # type: ignore[assignment]
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in ORDER}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            tag = (operation.get("tags") or [""])[0]
            groups.setdefault(tag, []).append({"method": method, "path": path, "operation": operation})
    return render_template("api_docs.html", groups=groups, schemas=document["components"]["schemas"])
