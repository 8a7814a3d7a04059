"""The routes of a worker, one per file; ``routes`` adds counting, logging and errors.

To add a route: write a file with an ``Endpoint``, and add it to ``ENDPOINTS``.
"""

from liverank.serving.http.endpoints.endpoint import Endpoint
from liverank.serving.http.endpoints.events import EVENTS
from liverank.serving.http.endpoints.experiments import ASSIGNMENT
from liverank.serving.http.endpoints.health import HEALTH, LIVENESS, READINESS
from liverank.serving.http.endpoints.items import ITEMS
from liverank.serving.http.endpoints.metrics import METRICS
from liverank.serving.http.endpoints.rank import RANK
from liverank.serving.http.endpoints.users import USER

ENDPOINTS: tuple[Endpoint, ...] = (
    RANK,
    EVENTS,
    ITEMS,
    USER,
    ASSIGNMENT,
    HEALTH,
    LIVENESS,
    READINESS,
    METRICS,
)
