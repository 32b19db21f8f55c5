"""Runs every tree that it is told of, each assignment in modules loaded anew; a process of its own."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).parent


def main() -> None:
    """Jobs as JSON come in, outcomes go out."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(HERE / "stub"))
    json.dump({job["name"]: _ran(job) for job in json.load(sys.stdin)}, sys.stdout)


def _ran(job: dict[str, Any]) -> dict[str, Any]:
    sys.path.insert(0, job["folder"])
    try:
        return {"outcomes": [_outcome(job, assignment) for assignment in job["assignments"]]}
    except SyntaxError as defect:
        return {"failure": f"{defect.filename}:{defect.lineno}: {defect.msg}"}
    finally:
        sys.path.remove(job["folder"])


def _outcome(job: dict[str, Any], assignment: dict[str, bool]) -> str:
    ours = (str(Path(job["folder"]).parent), str(HERE / "stub"))
    for name, module in list(sys.modules.items()):
        where = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")
        if where.startswith(ours):
            del sys.modules[name]
    importlib.invalidate_caches()
    stub = importlib.import_module("stub")
    stub.begin(job["flag"], job["variant"], job["value"], assignment)
    try:
        result = importlib.import_module("main").subject()
        outcome = {"result": asyncio.run(result) if inspect.iscoroutine(result) else result}
    except SyntaxError:
        raise
    except Exception as raised:  # noqa: BLE001 - what is raised is an outcome
        outcome = {"raised": type(raised).__name__}
    told = {**outcome, "trace": list(stub.traced), "failed": _failed_tests(Path(job["folder"]))}
    return json.dumps(told, default=repr, sort_keys=True)


def _failed_tests(folder: Path) -> list[str]:
    """The tests of a tree that fail, among those that take no arguments."""
    failed = []
    for path in sorted(folder.rglob("test_*.py")):
        module = importlib.import_module(".".join(path.relative_to(folder).with_suffix("").parts))
        failed += [name for name, test in _tests(module) if _fails(test)]
    return failed


def _tests(module: ModuleType) -> list[tuple[str, Any]]:
    found = [
        (name, each) for name, each in vars(module).items() if name.startswith("test") and inspect.isfunction(each)
    ]
    for name, each in vars(module).items():
        if inspect.isclass(each) and name.startswith("Test"):
            found += [(f"{name}.{test}", getattr(each(), test)) for test in vars(each) if test.startswith("test")]
    return [(name, test) for name, test in found if not inspect.signature(test).parameters]


def _fails(test: Any) -> bool:  # noqa: ANN401 - whatever a case calls a test
    try:
        test()
    except Exception:  # noqa: BLE001 - however it fails
        return True
    return False


if __name__ == "__main__":
    main()
