"""What the cases of ``../shared/cases/automl`` expect, as far as a program can tell.

A check is given what a case's script printed; it gives claims, each with whether it holds. Where a
case allows several answers, any of them will do: most faults may be mended, or else be said in one
line that names the column, the row or the option.
"""

import re
from collections.abc import Callable

from case_output import Claims, held_out, remarks, runs, sections

_PIPE = "a pipe to a bundle of its own"
PROBES = {
    "22": f"echo '== {_PIPE}'; "
    "liverank automl <(cat 09_comment.csv) --target y --budget 3s --out pipe.bundle",
    "20": """python -c "import json
print(dict(auc=json.load(open('m.bundle/report.json'))['intervals'].get('auc')))" """,
}
"""Commands that are run after the script of a case, where its own no longer tell: the script of 22
gives its pipe the bundle of a file that was not read then, and 20 reads the report's old format."""
PLAIN_AUC = 0.85
"""AUC that the tables of some cases reach where all of their columns are read."""


def epoch_microseconds(text: str) -> Claims:
    """01: Unix micro- and nanoseconds are read, or refused in one line before the search."""
    yield "no traceback", "Traceback" not in text
    three = runs(text)
    yield "three runs end", len(three) == 3
    for number, run in enumerate(three, 1):
        is_refused = bool(remarks(run, r"`(at|far)`", r"ISO 8601|microseconds|year"))
        yield f"run {number} gives a bundle or says what to write", "Bundle: " in run or is_refused


def large_ids(text: str) -> Claims:
    """02: whole numbers beyond 2**53 stay apart."""
    parts = sections(text)
    for name in ("11a.parquet", "11a.csv", "11c.csv", "11d.csv", "11small.csv"):
        yield f"{name}: an AUC of {PLAIN_AUC} or more", held_out(parts[name]) >= PLAIN_AUC
    yield (
        "two large whole numbers are two classes",
        "y: binary" in parts["a target of two large whole numbers"],
    )


def group_and_time(text: str) -> Claims:
    """03: rows that a group and a time leave are told, with what to leave out."""
    three = text.split("\n\n")
    yield "three runs end", len(three) == 3
    for number, run in enumerate(three, 1):
        told = remarks(run, r"--group|group=|group", r"--time|time")
        yield (
            f"run {number}: the rows and the choice are told",
            any(
                re.search(r"\d+", line) and re.search(r"leave|drop|name|without", line)
                for line in told
                if "name another column" not in line
            ),
        )
    seconds = re.search(r"\[rc 0, ([\d.]+)", three[0])
    has_time = seconds is not None and float(seconds[1]) < 5
    yield (
        "with time left it does not say that none was",
        not (has_time and "no time was left" in three[0]),
    )


def numbers_for_people(text: str) -> Claims:
    """04: numbers as people write them are read, or the column, an example and the cure named."""
    parts = sections(text)
    for name in ("08_thou", "08_thouint", "08_deccomma", "08_cur", "08_eur", "08_pct"):
        is_told = remarks(parts[name], "`price`", r"write|plain|--type")
        yield f"{name}: read or told", held_out(parts[name]) >= PLAIN_AUC or bool(is_told)
    as_number = re.split(r"^On the rows", parts["--type price=number"], flags=re.M)[1:]
    for name, part in zip(("08_thou", "08_cur"), as_number, strict=True):
        auc = re.search(r"auc ([\d.]+)", part)
        is_read = auc is not None and float(auc[1]) >= PLAIN_AUC
        told = remarks(part, "`price`", r"no numbers|not numbers|cannot be read|unknown")
        yield f"{name} --type price=number: read or counted", is_read or bool(told)
    for name in ("24thou", "24cur"):
        part = parts[f"target in {name}"]
        is_told = remarks(part, "`y`", r"number") and "group them" not in part
        yield f"{name}: a target of numbers, or told", "y: regression" in part or bool(is_told)
    yield "24less: a value that is no number is named", "<0.1" in parts["target in 24less"]


def predict_reads_nothing(text: str) -> Claims:
    """05: where nearly all values of a column are unreadable at predict, a warning says so."""
    parts = sections(text)
    aucs = {
        name: float(found[1])
        for name, part in parts.items()
        if (found := re.search(r"AUC ([\d.]+)", part))
    }
    yield "four files are scored", len(aucs) == 4
    for name in ("08te_thou", "08te_deccomma", "08te_cur"):
        told = remarks(parts[name], "`price`", r"unknown|no number|not number|cannot be read")
        is_read = aucs[name] > aucs["08te"] - 0.05
        yield f"{name}: read, or a warning names the column", is_read or bool(told)
        if not is_read:
            yield (
                f"{name}: no advice to train on newer rows",
                "train again on newer rows" not in parts[name],
            )


def boolean_target(text: str) -> Claims:
    """06: true and false of a CSV, of Parquet, and 0 and 1 are one target."""
    yield "no file lacks known targets", not re.search("known in (no|none)|nothing to score", text)
    yield "the test table is scored", "On the test table" in text
    losses = [float(loss) for loss in re.findall(r"Log-loss ([\d.]+) ", text)]
    yield "six files are scored alike", len(losses) == 6 and max(losses) < 0.4


def unseen_class(text: str) -> Claims:
    """07: rows of a class that training never saw are counted in a warning."""
    search, _, scored = text.partition("Bundle: ")
    for name, part in (("automl --test", search), ("predict --score", scored)):
        yield f"{name}: a warning counts them", bool(remarks(part, "novel", r"\b100\b", r"\b200\b"))
    yield "it does not say that 100 rows are known", "On 100 rows whose `y` is known" not in text


def wide_csv(text: str) -> Claims:
    """08: 5,000 columns of CSV take about as long as the budget."""
    seconds = [float(found) for found in re.findall(r"\[rc 0, ([\d.]+)", text)]
    yield "both runs end well", len(seconds) == 2
    yield "each takes at most twice its 10 s", max(seconds, default=99) <= 20


def line_break_in_header(text: str) -> Claims:
    """10: a header name with a line break is read, or told as such."""
    is_read = bool(re.search(r"y: binary, 200 rows", text)) and "Bundle: " in text
    yield "read, or told", is_read or bool(remarks(text, "line break"))


def late_byte(text: str) -> Claims:
    """11: a byte that is not UTF-8 is an error that names its line, wherever it is."""
    yield "an error names the line", bool(remarks(text, "late.csv", "UTF-8", r"24,?00[0-2]\b"))


def precise_numbers(text: str) -> Claims:
    """13: what float64 tells apart reaches the model, or a warning says that it does not."""
    parts = sections(text)
    for name, column in (("11e", "meter"), ("11i", "lat"), ("11h", "p")):
        told = remarks(parts[name], f"`{column}`", r"precis|digits|float")
        yield f"{name}: an AUC near 1, or told", held_out(parts[name]) >= 0.97 or bool(told)


def stray_row(text: str) -> Claims:
    """14: a class of a single row is told, and counts are numbers to predict."""
    parts = sections(text)
    for name, word in (("09_hdrmid", "y"), ("09_total", "93|Total")):
        told = remarks(parts[name], rf"[`\"]({word})[`\"]|header", r"\b1 row|one row|a single row")
        yield f"{name}: a warning names the class and its row", bool(told)
    not_so = remarks(parts["09_hdrmid"], "column `y`", "read as unknown")
    yield "the target's class is not called unreadable", not not_so
    counts = parts["24count"]
    yield (
        "counts are numbers to predict, or how to have it so is told",
        "task regression" in counts or "y: regression" in counts,
    )


def positive_class(text: str) -> Claims:
    """15: the positive class can be chosen and is named."""
    yield "there is --positive", "--positive" in text
    report = text.split("class,")[0]
    yield "the terminal names it", bool(re.search(r"diseased|healthy", report))
    rows = re.findall(r"^(diseased|healthy),([\d.e-]+)$", text, re.M)
    yield (
        "the answers say whose probability it is",
        bool(re.search(r"^class,.*\bprobability_\w+", text, re.M))
        or (bool(rows) and all(float(chance) >= 0.5 for _, chance in rows)),
    )


def times_in_other_forms(text: str) -> Claims:
    """16: times in other forms are read, or told as such."""
    parts = sections(text)
    for name, column in (("13eu", "at"), ("13ampm", "at"), ("13ns", "at")):
        told = remarks(parts[name], f"`{column}`", "look.*like.*time|not read")
        is_read = held_out(parts[name]) >= 0.8
        yield f"{name}: its hour is read, or told", is_read or bool(told)
    for name, column in (("13mon", "at"), ("30m", "since")):
        told = remarks(parts[name], f"`{column}`", "time|date")
        is_time = bool(re.search(rf"^ +{column} time ", parts[name], re.M))
        yield f"{name}: a time, or told", is_time or bool(told)
    by_day = parts["--time of 20240122"]
    yield "20240122 is no second of 1970", not re.search(r"^ *\d+ 1970-", by_day, re.M)
    yield "a gap of 7d leaves rows", not re.search(r"0, 0, \d+ rows", by_day)


def durations(text: str) -> Claims:
    """17: time spans are read, or columns that no model reads are told on the terminal."""
    first = text.split("== ")[0]
    terminal = first.split("classes [")[0]
    for column in ("dur", "tod", "nest", "bin"):
        is_read = bool(
            re.search(rf"^ +{column}(?:\.\w+)? (number|time|category|list) feature", first, re.M)
        )
        yield f"{column}: read, or told", is_read or bool(remarks(terminal, f"`{column}`"))
    parts = sections(text)
    yield (
        "19dur: read, or what to write is told",
        "Bundle: " in parts["19dur"] or bool(remarks(parts["19dur"], "seconds|number")),
    )
    for name, words in (
        ("19durtarget", "time span|duration"),
        ("19datetarget", "date|moment|time"),
    ):
        part = parts[name]
        told = remarks(part, words) and "group them" not in part
        yield f"{name}: read, or told", "y: regression" in part or bool(told)


def python_api(text: str) -> Claims:
    """19: frames, dicts and paths as others give them are read, or an error says what to pass."""
    done = dict(re.findall(r"^(.+?) -> (.*)$", text, re.M))
    for name in (
        "fit pandas",
        "fit lazy",
        "predict pandas",
        "predict dict",
        "save str",
        "load str",
    ):
        yield (
            f"{name}: works, or says what to pass",
            "EXC builtins" not in done.get(name, "EXC builtins"),
        )
    scalars = done["m.predict dict scalars"]
    yield "a dict of single values: works, or is told", "is not iterable" not in scalars
    yield "a dict of lists gives an answer", "EXC" not in done["predict dict"]


def few_positives(text: str) -> Claims:
    """20: a handful of positives is told, and no leak or interval rests on them."""
    first, _, second = text.partition("positives 8")
    yield "noise is called no leak", not remarks(first, "column `f", "alone has an AUC")
    for name, part, count in (("eight", first, "8|eight"), ("two", second, "2|two")):
        told = remarks(part, rf"(?i)\b({count})\b.*(row|positive)|(row|positive).*\b({count})\b")
        yield f"{name} positives are told", bool(told)
    interval = re.search(r"'auc': \[([\d.]+), ([\d.]+)\]", second)
    yield "the report was read", "'auc': " in second or "{}" in second
    yield (
        "no narrow interval of AUC",
        interval is None or float(interval[2]) - float(interval[1]) > 0.2,
    )


def noise_numbers(text: str) -> Claims:
    """21: a number whose levels tell nothing stays a number (or is read as a day)."""
    found = re.search(r"^ +at (\w+) ", text, re.M)
    yield "the column is no category", found is not None and found[1] in ("number", "time")


def preambles(text: str) -> Claims:
    """22: files that are no plain CSV are read, or the error says what is wrong with them."""
    parts = sections(text)
    parts.setdefault(_PIPE, parts["a pipe"])
    for name, words in (
        ("09_sep", "sep="),
        ("09_comment", "comment|first line|header"),
        ("09_json", "JSON"),
        ("09_unbal", r"quote.*\d|\d.*quote"),
        ("09_cr", "carriage|CR"),
        (_PIPE, "twice|pipe|save it"),
    ):
        errors = [line for line in remarks(parts[name], words) if "has a header and no" not in line]
        own = [line for line in errors if "cannot be read as a table: C" not in line]
        yield f"{name}: read, or told", "Bundle: " in parts[name] or bool(own)


def constant_target(text: str) -> Claims:
    """23: newest rows that all have one target are told."""
    told = remarks(text, r"(?i)\b(all|every|constant|same|one value)\b", r"row")
    yield "a warning says so", bool(told)


def kept_ids(text: str) -> Claims:
    """24: whole numbers stay whole numbers in Parquet."""
    types = re.search(r"^│ (\w+) +┆ (\w+) +┆ f64", text, re.M)
    yield "the answers have types", types is not None
    if types:
        yield "ids are whole numbers", types[1][:3] in ("i64", "u32", "i32", "u64")
        yield "classes are whole numbers", types[2][:3] in ("i64", "u32", "i32", "u64")


CHECKS: dict[str, Callable[[str], Claims]] = {
    check.__doc__.split(":", 1)[0]: check
    for check in (
        epoch_microseconds, large_ids, group_and_time, numbers_for_people,
        predict_reads_nothing, boolean_target, unseen_class, wide_csv, line_break_in_header,
        late_byte, precise_numbers, stray_row, positive_class, times_in_other_forms, durations,
        python_api, few_positives, noise_numbers, preambles, constant_target, kept_ids,
    )
}  # fmt: skip
"""The check of each case, by its number, with which its docstring begins."""
