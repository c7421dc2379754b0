"""The arrows between our packages, and the few things that have one place, kept by reading the source."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = ("callbacks", "config", "workers", "wxtag", "wsgi")
LONGEST = 300
# Modules that put the whole together, so they may import what they put together.
COMPOSING = {"wsgi", "config.embedded", "config.embedded_first"}
# Asking the machine what time it is, by whatever name.
CLOCKS = {
    *("time.time", "time.time_ns", "time.localtime", "time.gmtime", "time.ctime", "time.strftime"),
    *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
}
ENVIRONMENT = ("os.environ", "os.environb", "os.getenv")
WEB_DOORS = ("callbacks", "wxtag.web", "workers")


def part_of(module: str) -> str:
    """Which side of an arrow a module is on."""
    if module in COMPOSING:
        return "composing"
    for part in ("wxtag.sandbox", "wxtag.web", "callbacks", "workers", "config"):
        if module == part or module.startswith(part + "."):
            return part
    return "core"


ALLOWED = {
    "composing": {"composing", "core", "config", *WEB_DOORS},
    "core": {"core", "config"},
    "config": {"config"},
    "callbacks": {"callbacks", "core", "config"},
    "workers": {"workers", "core", "config"},
    "wxtag.web": {"wxtag.web", "core", "config"},
    "wxtag.sandbox": {"wxtag.sandbox"},
}


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of ours by its dotted name."""
    found = {}
    for top in OURS:
        paths = [ROOT / f"{top}.py"] if top == "wsgi" else sorted((ROOT / top).rglob("*.py"))
        for path in paths:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            found[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return found


def imports(module: str, tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The modules that a module imports, also inside functions: (dotted name, line)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: write the whole name of what is imported"
            for alias in node.names:
                # `from wxtag import library` imports a module; `from wxtag.library import load` a name.
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in modules() else node.module or ""), node.lineno


def names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Dotted uses (`time.time`, `os.environ`), and names imported one by one as if they were dotted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            value = node.value
            yield f"{value.id if isinstance(value, ast.Name) else value.attr}.{node.attr}", node.lineno
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def test_imports_go_along_the_arrows() -> None:
    wrong = [
        f"{module}:{line} imports {target}: {part_of(module)} may import {sorted(ALLOWED[part_of(module)])}"
        for module, tree in modules().items()
        for target, line in imports(module, tree)
        if target.split(".")[0] in OURS and part_of(target) not in ALLOWED[part_of(module)]
    ]
    assert not wrong, "\n".join(wrong)


def test_only_platforms_imports_wechatpy() -> None:
    wrong = [
        f"{module}:{line} imports {target}"
        for module, tree in modules().items()
        for target, line in imports(module, tree)
        if target.split(".")[0] == "wechatpy" and not module.startswith("wxtag.platforms")
    ]
    assert not wrong, "\n".join(wrong)


def test_only_config_reads_the_environment() -> None:
    wrong = [
        f"{module}:{line} uses {name}: take it from the settings"
        for module, tree in modules().items()
        for name, line in names(tree)
        if name in ("os.environ", "os.getenv", "os.environb")
        and part_of(module) not in ("config", "composing")
    ]
    assert not wrong, "\n".join(wrong)


def test_only_the_clock_asks_the_time() -> None:
    wrong = [
        f"{module}:{line} uses {name}: ask wxtag.clock"
        for module, tree in modules().items()
        for name, line in names(tree)
        if name in CLOCKS and module != "wxtag.clock" and part_of(module) != "wxtag.sandbox"
    ]
    assert not wrong, "\n".join(wrong)


def test_files_are_short_and_say_what_they_are_for() -> None:
    wrong = []
    for module, tree in modules().items():
        length = max((node.end_lineno or 0 for node in tree.body), default=0)
        if length > LONGEST:
            wrong.append(f"{module} has {length} lines: look for the second thing in it (at most {LONGEST})")
        if tree.body and not ast.get_docstring(tree):
            wrong.append(f"{module} does not open with a sentence that says what it is for")
    assert not wrong, "\n".join(wrong)


def test_no_file_has_a_name_that_says_nothing() -> None:
    empty = ("manager", "helper", "util", "service", "handler", "processor")
    wrong = [module for module in modules() if any(word in module.rsplit(".", 1)[-1] for word in empty)]
    assert not wrong, f"name these by what they do: {wrong}"
