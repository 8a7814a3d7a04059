"""The structure of the source in figures: folders, functions, import circles, retired words.

``bench_structure.py`` measures this checkout; ``--checkout DIR`` another one.
"""

import argparse
import ast
import json
import re
from pathlib import Path

RETIRED = re.compile(
    r"\b(told|tell|tells|telling|said|places?|anew|lately|beside|whence|lessons?|manners?|grounds?|"
    r"pilots?|hurried)\b",
    re.I,
)
ALLOWED = re.compile(
    r"\b(in place( of)?|(takes?|taking|took|taken) place|in the first place|common ground|"
    r"user lately|file\.tell)\b|name=\"places\"",
    re.I,
)


def structure(checkout: Path) -> dict[str, object]:
    """Figures of a checkout: counts, and the largest with their names."""
    package = checkout / "src" / "liverank"
    paths = sorted(package.rglob("*.py"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    lines: list[tuple[int, str]] = []
    parameters: list[tuple[int, str]] = []
    for path, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{path.relative_to(package)}: {node.name}"
                every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = len([one for one in every if one.arg not in ("self", "cls")])
                lines.append((node.end_lineno - node.lineno + 1, name))
                parameters.append((count, name))
    folders: dict[str, int] = {}
    for path in paths:
        folder = str(path.parent.relative_to(package))
        folders[folder] = folders.get(folder, 0) + (path.name != "__init__.py")
    docs = [*(checkout / "docs").glob("*.md"), checkout / "README.md", checkout / "CONTRIBUTING.md"]
    prose = [*texts.values(), *(path.read_text(encoding="utf-8") for path in docs)]
    split = [re.sub(r"(?<=[A-Za-z])_|_(?=[A-Za-z])", " ", text) for text in prose]
    largest = max(folders, key=lambda folder: folders[folder])
    return {
        "modules": len(paths),
        "lines": sum(len(text.splitlines()) for text in texts.values()),
        "folders": len(folders),
        "largest_folder": f"{largest} ({folders[largest]} modules)",
        "folders_over_16": sum(count > 16 for count in folders.values()),
        "longest_function": "{1} ({0} lines)".format(*max(lines)),
        "functions_over_60_lines": sum(count > 60 for count, _ in lines),
        "most_parameters": "{1} ({0})".format(*max(parameters)),
        "functions_over_7_parameters": sum(count > 7 for count, _ in parameters),
        "retired_words": sum(len(RETIRED.findall(ALLOWED.sub("", text))) for text in split),
    }


def main() -> None:
    """Print the figures of a checkout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--checkout", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()
    figures = structure(arguments.checkout)
    for name, value in figures.items():
        print(f"{name:28s} {value}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
