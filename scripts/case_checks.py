"""What the cases of ``../shared/cases/serving`` expect, as far as a program can tell.

A check is given what a case's script printed, and what the server said on stdout and stderr under
``# w/out:`` and ``# w/err:``; it gives claims, each with whether it holds. Where a case allows
several answers, any of them will do.
"""

import json
import re
from collections.abc import Callable, Iterator

Claims = Iterator[tuple[str, bool]]
LEFT_OUT = ("11", "20", "21", "25")
"""Cases of later work."""


def objects(text: str) -> list[dict]:
    """Every JSON object that stands alone on a line, but for a status in brackets behind it."""
    found = []
    for line in text.split("# w/out:")[0].splitlines():
        start = line.find("{")
        if start < 0:
            continue
        try:
            found.append(json.JSONDecoder().raw_decode(line[start:])[0])
        except ValueError:
            continue
    return found


def statuses(text: str) -> list[int]:
    """Every status in brackets."""
    return [int(found) for found in re.findall(r"\[(\d{3})\]", text)]


def after(text: str, words: str) -> str:
    """What follows some words."""
    return text.split(words, 1)[1]


def backfill_leak(text: str) -> Claims:
    """01: the same files in either order give the same training rows."""
    rows = re.findall(r"item_join_forever of A, B = (\[.*\])", text)
    yield "both orders give rows", len(rows) == 2
    yield "the old list knows nothing of later joins", rows == ["[0.0, 0.0]"] * 2


def half_emoji(text: str) -> Claims:
    """02: one half character refuses one event."""
    array, lines = objects(text)[:2]
    for name, answer in (("array", array), ("lines", lines)):
        taken = answer.get("accepted", 0) + answer.get("duplicates", 0)  # the second time, again
        yield f"{name}: the good events are taken", taken in (2, 3)
        refused = answer.get("rejected", [])
        if taken == 2:
            yield f"{name}: the bad one is told by its index", [e["index"] for e in refused] == [1]
            yield (
                f"{name}: the reason names the field",
                "title" in refused[0]["reason"] and "malformed" not in refused[0]["reason"],
            )
    kept = ("Imported 2 events", "Imported 3", "2 were in the log already", "3 were in the log")
    yield "an import keeps the good ones too", any(words in text for words in kept)


def latin1(text: str) -> Claims:
    """03: two people stay two, or are refused."""
    yield "no character is replaced without a word", "('zo\ufffd'" not in text
    yield "it says that the text is not UTF-8", "UTF-8" in text


def late_update(text: str) -> Claims:
    """04: the newer event wins in whichever order they come."""
    said = [answer for answer in objects(text) if "live" in answer]
    yield "both orders are listed", len(said) == 2
    fields = [answer["items"][0]["fields"] for answer in said]
    yield (
        "title and host are the newer ones",
        all(one == {"title": "new title", "host": "h2"} for one in fields),
    )


def bundle_not_served(text: str) -> Claims:
    """05: health says that the promoted bundle is not served, and it is once it is restored."""
    health, first, restored = objects(text)[:3]
    yield "health is not ok", health["ok"] is False
    yield "and says which file", "model.npz" in (health["bundle"] or "")
    yield "rankings are by popularity", first["fallback"] == "popular"
    yield (
        "the restored bundle is served, or a restart is asked for",
        restored["fallback"] is None or "restart" in (health["bundle"] or ""),
    )


def passing_error(text: str) -> Claims:
    """06: health is well again when the pointer can be read again."""
    broken, well = after(text, "broken:"), after(text, "put back:")
    yield "health is not ok while the pointer is broken", broken.lstrip().startswith('{"ok":false')
    yield "it does not advise to delete it", "delete it" not in broken.split("#")[0]
    yield "health is ok 15 s later", well.lstrip().startswith('{"ok":true')


def nothing_written(text: str) -> Claims:
    """07: health is not ok while nothing can be written."""
    events, health = objects(text)[:2]
    yield "events are refused for want of room", "disk is full" in events["error"]["what"]
    yield "health is not ok", health["ok"] is False
    yield "and says why", "full" in (health["log"] or "")
    yield "its status says so too", statuses(text)[-1] == 503
    yield "rankings were answered and counted as lost", health["rankings_lost"] > 0


def stuck_uploads(text: str) -> Claims:
    """08: a stop does not wait for clients who are stuck."""
    found = re.search(r"exit (\d+) after (\d+) ms", text)
    yield "it stops", found is not None
    code, milliseconds = (int(number) for number in found.groups())
    yield "with 0", code == 0
    yield "within 8 s", milliseconds < 8000
    yield "without a traceback", "Traceback" not in text and " 0 tracebacks" in text
    complaints = re.findall(r"^\S+Z (?:warning|error|critical) ", after(text, "# w/err:"), re.M)
    yield "with one complaint at most", len(complaints) <= 1


def slow_clients(text: str) -> Claims:
    """09: those who never finish their headers are cut off."""
    yield "others are served 60 s later", after(text, "sent nothing more:").split()[0] == "200"
    yield "and when they are gone", after(text, "they are gone:").split()[0] == "200"
    yield "health is ok then", '{"ok":true' in after(text, "they are gone:")


def gzip_body(text: str) -> Claims:
    """10: gzip is unpacked, or refused as what it is."""
    codes = statuses(text)
    yield "three answers", len(codes) == 3
    yield "packed bodies are taken, or 415", codes[:2] in ([202, 200], [415, 415])
    yield "a header that lies is told", codes[2] in (400, 415)


def promote(text: str) -> Claims:
    """12: there are commands to promote and to roll back."""
    yield "promote and rollback exist", text.count("invalid choice") == 0
    yield "promote says how it is used", "--json" in text or "VERSION" in text


def unix_seconds(text: str) -> Claims:
    """14: times of 1970 are refused, or counted."""
    first, ended, started = objects(text)[:3]
    yield "milliseconds are taken", first.get("accepted") == 1
    for answer in (ended, started):
        told = json.dumps(answer)
        yield "seconds are refused, with what to send", "error" in answer and "millisecond" in told


def no_home(text: str) -> Claims:
    """15: it starts without a home folder."""
    yield "no traceback", "Traceback" not in text and "RuntimeError" not in text
    yield "the command does its work", "Error" not in text and bool(text.strip())


def keep_alive(text: str) -> Claims:
    """16: idle connections are kept."""
    yield "kept for 6 s", "after 6 s idle: 200" in text
    yield "the docs say for how long", "keep_alive" in text


def dual_stack(text: str) -> Claims:
    """17: ``::`` is any address."""
    yield "over IPv6", "[::1] 200" in text
    yield "over IPv4", "127.0.0.1 200" in text


def header_limit(text: str) -> Claims:
    """18: headers without end are refused."""
    sizes = [int(size) for size in re.findall(r"(\d+) kB", text)]
    yield (
        "refused with 431, or cut off",
        "431" in text or "ConnectionReset" in text or "Pipe" in text,
    )
    yield "without taking the memory", len(sizes) < 2 or sizes[1] - sizes[0] < 30_000


def new_surface(text: str) -> Claims:
    """19: the message says to restart, SIGHUP ends it in order."""
    yield "the message says to restart", "restart" in objects(text)[0]["error"]["what"]
    yield "SIGHUP ends it in order", "SIGHUP: exit 0" in text
    read = re.search(r"^docs/config\.md:\d+:.*restart", text, re.M | re.I)
    yield "docs/config.md says when the file is read", read is not None


def which_field(text: str) -> Claims:
    """23: a reason names the field."""
    events, rank = objects(text)[:2]
    for answer in (events, rank):
        yield "the field is named", "$.fields.geo" in json.dumps(answer)


def only_the_first(text: str) -> Claims:
    """24: a message says what happened and the way out."""
    said = text.split("# with")[0]
    yield "it names the key to set", "impressions" in said and "seen" in said
    yield "and the value", '"all"' in said


def clocks(text: str) -> Claims:
    """26: a wrong clock does not beat a right one."""
    listed = next(answer for answer in objects(text) if "live" in answer)
    yield "G is live and F is over", [one["item"] for one in listed["items"]] == ["G"]


def skipped_hour(text: str) -> Claims:
    """27: an hour that the clock skips is told as such, or read."""
    read_all = "Imported 2 events" in text
    told = "does not exist" in text or "skips" in text
    yield "it is read by the offset before, or told", read_all or told


CHECKS: dict[str, Callable[[str], Claims]] = {
    check.__doc__.split(":", 1)[0]: check
    for check in (
        backfill_leak, half_emoji, latin1, late_update, bundle_not_served, passing_error,
        nothing_written, stuck_uploads, slow_clients, gzip_body, promote, unix_seconds, no_home,
        keep_alive, dual_stack, header_limit, new_surface, which_field, only_the_first, clocks,
        skipped_hour,
    )
}  # fmt: skip
"""Each check by the number of its case."""
