"""``GET /v1/items``: the live items, newest first."""

import asyncio
import re
from urllib.parse import parse_qs

from liverank.serving.http.endpoints.endpoint import READS, Endpoint, EndpointContext, Reply
from liverank.serving.http.exchange import Answer, Request, in_pieces, json_answer
from liverank.serving.http.messages import BadRequestError, ItemsResponse, LiveItemView

MAX_LISTED = 1_000
"""Default number of listed items; a longer list is built in a thread."""
_WHOLE_NUMBER = re.compile("0*[1-9][0-9]{0,8}")


def answer(context: EndpointContext, request: Request) -> Reply:
    """List items now, or a long list in a thread. Raises BadRequestError (422) for the query."""
    query = parse_qs(request.query, keep_blank_values=True)
    limit = query.get("limit", [str(MAX_LISTED)])[-1]
    if not _WHOLE_NUMBER.fullmatch(limit):
        what = f"`{limit[:40]}` is not a whole number above 0, of at most 9 digits"
        raise BadRequestError(422, "?limit", what)
    surface = query.get("surface", ["default"])[-1]
    if int(limit) <= MAX_LISTED:
        return _list(context, surface, int(limit))
    run = asyncio.get_running_loop().run_in_executor
    return _wait_for(run(context.long_lists, _list, context, surface, int(limit)))


def _list(context: EndpointContext, surface: str, limit: int) -> Answer:
    live, rows = context.service.live_items(surface, limit)
    items = [LiveItemView(item=row.item, since=int(row.since), fields=row.fields) for row in rows]
    return json_answer(200, ItemsResponse(live=live, items=in_pieces(items)))


async def _wait_for(answer: asyncio.Future[Answer]) -> Answer:
    return await answer


ITEMS = Endpoint("/v1/items", READS, answer, counted_as="items")
