"""The table of scopes in docs/features.md is the one that the code runs."""

from pathlib import Path

from liverank.features.layout.scope_rules import SCOPE_RULES

DOCS = Path(__file__).parents[2] / "docs" / "features.md"


def documented_rows():
    """The cells of the table under "What counts where", without the column of keys."""
    section = DOCS.read_text(encoding="utf-8").partition("## What counts where")[2]
    lines = section.partition("\n## ")[0].splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    return [[name.strip("`"), *cells] for name, _key, *cells in rows[2:]]


def test_the_documented_table_of_scopes_is_the_rules():
    rules = [
        [
            rule.name,
            rule.types,
            ", ".join(rule.main) or "all in range",
            ", ".join(rule.others),
            rule.range,
        ]
        for rule in SCOPE_RULES
    ]
    documented = documented_rows()
    for row in documented:
        row[2] = row[2].partition(", and so")[0]
    assert documented == rules
