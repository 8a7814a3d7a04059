"""Patterns for names of fields and columns that indicate the type of the values.

``liverank.values.kinds`` uses them for fields of events and columns of tables. Some words count for
only one of the two, so that the guesses for existing fields and columns, and the models trained on
them, do not change.
"""

import re

_CODES = "id|code|type|kind|category|country|region|device"
_CODES_OF_FIELDS = "class|group|language|os|platform|environment|segment|status|gender"
_CODES_OF_COLUMNS = (
    "ids|zip|zipcode|postcode|postal|area_code|state|city|store|shop|product|sku|campaign|channel|"
    "user|customer|item"
)

CODE_FIELD = re.compile(rf"(^|_)({_CODES}|{_CODES_OF_FIELDS})$")
"""Matches the name of an event's field whose whole numbers are codes, not quantities."""
CODE_COLUMN = re.compile(rf"(^|_)({_CODES}|{_CODES_OF_COLUMNS})$")
"""Matches the name of a table's column whose whole numbers are codes, not quantities."""
KEY_FIELD = re.compile(
    r"(^|_)(host|author|creator|owner|seller|channel|publisher|streamer|artist|id)$"
)
"""Matches the name of a field whose texts identify a person or thing."""
TEXT_FIELD = re.compile(
    r"(^|_)(title|headline|description|abstract|summary|text|body|bio|caption)$"
)
"""Matches the name of a field that holds prose."""
TIME_COLUMN = re.compile(
    r"(^|_)(time|timestamp|ts|date|datetime|at|epoch|created|updated|when)($|_)"
)
"""Matches the name of a column whose numbers may be Unix seconds."""


def snake_case(name: str) -> str:
    """Separate the words of a name by underscores, so that the patterns find them.

    >>> snake_case("click_deviceGroup"), snake_case("Opened at")
    ('click_device_group', 'opened_at')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]+", "_", name).lower()
