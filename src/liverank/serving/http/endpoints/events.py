"""``POST /v1/events``: append events to the log."""

from liverank.serving.http.endpoints.endpoint import Endpoint, EndpointContext
from liverank.serving.http.exchange import Answer, Request, json_answer


async def answer(context: EndpointContext, request: Request) -> Answer:
    """Answer once the accepted events are on disk."""
    return json_answer(202, await context.service.take_events(request.body))


EVENTS = Endpoint("/v1/events", ("POST",), answer, counted_as="events")
