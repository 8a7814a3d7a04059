"""The section on what the model learned from the weeks before the test."""

from liverank.markup import Html, tag
from liverank.proof.page.facts import PageFacts
from liverank.proof.page.themes import Theme
from liverank.proof.page.words import seconds_words, share_words


def learned(facts: PageFacts) -> Html | None:
    """The importance of its features by theme, and the cost of training."""
    if not facts.learned:
        return None
    training = facts.result.training
    widest = max(theme.share for theme in facts.learned) or 1.0
    return tag(
        "section",
        tag("h2", "What the model learned"),
        tag(
            "p",
            f"In {seconds_words(training.seconds)} liverank read the log, tried "
            f"{training.models_tried} model{'' if training.models_tried == 1 else 's'} on "
            f"{training.rows:,} rooms that people were shown, {training.successes:,} of which "
            "they joined, and put the best into service. Nobody wrote a feature. What its "
            "decisions rest on, as shares:",
        ),
        tag("ul", *(_theme(theme, widest) for theme in facts.learned), class_="themes"),
    )


def _theme(theme: Theme, widest: float) -> Html:
    return tag(
        "li",
        tag("p", tag("b", theme.title), tag("strong", share_words(theme.share)), class_="of"),
        tag(
            "div",
            tag("i", "", style=f"width:{100 * theme.share / widest:.1f}%"),
            class_="bar",
        ),
        tag("small", "; ".join(theme.phrases)),
    )
