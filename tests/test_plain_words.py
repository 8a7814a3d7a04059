"""One word for one idea: words that had several meanings, or none that a stranger knows, stay out.

docs/glossary.md has the words to use instead.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    *sorted((ROOT / "src").rglob("*.py")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
]
INSTEAD = {
    "told|tell|tells|telling": "report, explain, print, describe, distinguish",
    "said": "reported, predicted, written",
    "places?": "index, slot, offset, position, rank, path, location",
    "anew": "again",
    "lately": "recently",
    "beside": "next to, in addition to",
    "whence|whither": "from where",
    "lessons?": "distillation data",
    "manners?": "search policy",
    "grounds?": "table data",
    "pilots?": "timing run",
    "hurried": "with a higher learning rate",
    "choosing rows|rows that choose": "validation rows",
    "judging rows|rows that judge": "holdout rows",
}
ALLOWED = re.compile(
    r"\b(in place( of)?|(takes?|taking|took|taken) place|in the first place|common ground|"
    r"user lately|file\.tell)\b|name=\"places\"",  # names inside bundles, and of Python
    re.I,
)
RETIRED_TYPES = re.compile(
    r"\bclass (Tried|Found|Held|Grounds?|Manner|Pace|Sight|Recipe|"
    r"Lesson|Rung|Appended|Imported|Erased)\b"
)


def words_of(path: Path) -> str:
    """The text of a file, in which identifiers fall into their words."""
    text = path.read_text(encoding="utf-8")
    return ALLOWED.sub("", re.sub(r"(?<=[A-Za-z])_|_(?=[A-Za-z])", " ", text))


def test_a_retired_word_is_found_in_identifiers_comments_and_prose(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("item_places = told  # anew, in place\n", encoding="utf-8")
    found = [word for word in INSTEAD if re.search(rf"\b({word})\b", words_of(path), re.I)]
    assert found == ["told|tell|tells|telling", "places?", "anew"]


@pytest.mark.parametrize("word", INSTEAD)
def test_retired_words_stand_nowhere(word: str) -> None:
    pattern = re.compile(rf"\b({word})\b", re.I)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}"
        for path in FILES
        for number, line in enumerate(words_of(path).splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"use {INSTEAD[word]}:\n" + "\n".join(found)


def test_retired_types_are_gone() -> None:
    assert not [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in FILES
        for match in RETIRED_TYPES.finditer(path.read_text(encoding="utf-8"))
    ]
