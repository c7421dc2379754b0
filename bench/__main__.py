"""Runs every benchmark of this package: `python -m bench`, or `python -m bench doors` for one."""

import importlib
import pkgutil
import sys

import bench


def main(names: list[str]) -> int:
    """Runs the named ones, or all; the exit code says whether every target was reached."""
    found = sorted(module.name for module in pkgutil.iter_modules(bench.__path__) if module.name[0] != "_")
    modules = [importlib.import_module(f"bench.{name}") for name in names or found]
    failed = 0
    for module in modules:
        if hasattr(module, "main"):
            print(f"== {module.__name__}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
            failed += int(module.main() or 0)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
