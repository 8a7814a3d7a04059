"""How the source is laid out: small folders and functions, no circles of imports, true paths."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "liverank"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")]
MOST_FILES, MOST_LINES, MOST_PARAMETERS = 16, 60, 7
REASON = re.compile(r"\b(Long|Parameters): ")
"""How a docstring gives the reason for a longer function, or for more parameters."""


def module_name(path: Path) -> str:
    parts = ("liverank", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in SOURCES}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """The modules of ours that a module imports when it is imported itself."""
    found: set[str] = set()
    for node in _executed(tree(path).body):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            nested = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (nested & MODULES.keys()) or {node.module}
    return (found & MODULES.keys()) - {module_name(path)}


def _executed(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run on import: no bodies of functions, nothing under TYPE_CHECKING."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.dump(node.test):
            yield from _executed([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _executed([*node.body, *node.orelse, *node.finalbody])


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    names = [a.arg for a in chain(arguments.posonlyargs, arguments.args, arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {name: imported(path) for name, path in MODULES.items()}
    done: set[str] = set()
    path: list[str] = []

    def visit(name: str) -> None:
        if name in path:
            pytest.fail("imports go in a circle: " + " > ".join([*path[path.index(name) :], name]))
        if name in done:
            return
        path.append(name)
        for other in sorted(graph[name]):
            visit(other)
        path.pop()
        done.add(name)

    for name in graph:
        visit(name)


def test_a_folder_holds_at_most_sixteen_modules() -> None:
    folders = {path.parent for path in SOURCES}
    crowded = {
        str(folder.relative_to(PACKAGE)): count
        for folder in folders
        if (count := len([p for p in folder.glob("*.py") if p.name != "__init__.py"])) > MOST_FILES
    }
    assert not crowded


def test_a_function_has_at_most_60_lines_and_7_parameters_or_says_why() -> None:
    large = [
        f"{path.relative_to(PACKAGE)}: {function.name} has {lines} lines, {count} parameters"
        for path in SOURCES
        for function in functions(path)
        for lines, count in [(function.end_lineno - function.lineno + 1, parameters(function))]
        if lines > MOST_LINES or count > MOST_PARAMETERS
        if not REASON.search(ast.get_docstring(function) or "")
    ]
    assert not large, "\n".join(large)


def test_every_path_in_the_architecture_page_exists() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    paths = set(re.findall(r"`([\w./-]+(?:/|\.py|\.toml|\.md))`", text))
    assert len(paths) > 60
    missing = [
        path
        for path in sorted(paths)
        if not (ROOT / path).exists() and not (PACKAGE / path).exists()
    ]
    assert not missing


def test_the_architecture_page_lists_each_folder_once() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture, table = text.split("## The picture")[1].split("| folder |")
    drawn = [
        name
        for line in re.findall(r"^    (.*)$", picture, re.M)
        if "─" not in line
        for name in re.findall(r"([a-z]+)/", line)
    ]
    listed = [
        name
        for row in re.findall(r"^\| (`.*?`) \|", table.split("\n## ")[0], re.M)
        for name in re.findall(r"`([^`]+)`", row)
    ]
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert sorted(drawn) == sorted(packages)
    assert not repeated(listed)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_page_says_the_same_twice(path: Path) -> None:
    """Headings, entries of the changelog and decisions: a merge leaves such things behind."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    opening = r"^(#+ .*|\*\*.{20,}?\.\*\*|- .{60,})"
    assert not repeated(re.findall(opening, text, re.M))


def repeated(texts: list[str]) -> list[str]:
    """What stands in the list more than once."""
    return [text for text, count in Counter(texts).items() if count > 1]
