"""``GET /v1/experiments/NAME/assignment``: the variant that a user or unit gets, and why."""

from urllib.parse import parse_qs

from liverank.serving.http.endpoints.endpoint import (
    READS,
    Endpoint,
    EndpointContext,
    Reply,
    method_not_allowed,
    not_found,
)
from liverank.serving.http.exchange import Request, json_answer

_PATH = "/v1/experiments/"


def answer(context: EndpointContext, request: Request) -> Reply:
    """Answer for the user or the unit that the query names."""
    name, slash, rest = request.path.removeprefix(_PATH).partition("/")
    if (slash, rest) != ("/", "assignment"):
        return not_found(request, f"expected {_PATH}NAME/assignment")
    if request.method not in READS:
        return method_not_allowed(request, READS)
    query = parse_qs(request.query, keep_blank_values=True)
    user, unit = (query.get(key, [None])[-1] for key in ("user", "unit"))
    return json_answer(200, context.service.assignment(name, user=user, unit=unit))


ASSIGNMENT = Endpoint(_PATH, (), answer)
