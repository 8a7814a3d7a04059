"""wip."""

from liverank.events.event import Ranking

ServedRanking = Ranking
