"""What the name of a field or of a table's column reveals about its values.

Fields of events (``field_types``) and columns of tables (``automl.profile.column_types``) are
guessed from these patterns. Some words count in only one of the two: the guess of existing fields
and columns, and with it every model trained on them, stays what it was.
"""

import re

_CODES = "id|code|type|kind|category|country|region|device"
_CODES_OF_FIELDS = "class|group|language|os|platform|environment|segment|status|gender"
_CODES_OF_COLUMNS = (
    "ids|zip|zipcode|postcode|postal|area_code|state|city|store|shop|product|sku|campaign|channel|"
    "user|customer|item"
)

CODE_FIELD = re.compile(rf"(^|_)({_CODES}|{_CODES_OF_FIELDS})$")
"""Name of an event's field whose whole numbers are codes, not quantities."""
CODE_COLUMN = re.compile(rf"(^|_)({_CODES}|{_CODES_OF_COLUMNS})$")
"""Name of a table's column whose whole numbers are codes, not quantities."""
KEY_FIELD = re.compile(
    r"(^|_)(host|author|creator|owner|seller|channel|publisher|streamer|artist|id)$"
)
"""Name of a field whose texts identify somebody or something."""
TEXT_FIELD = re.compile(
    r"(^|_)(title|headline|description|abstract|summary|text|body|bio|caption)$"
)
"""Name of a field that holds prose."""
TIME_COLUMN = re.compile(
    r"(^|_)(time|timestamp|ts|date|datetime|at|epoch|created|updated|when)($|_)"
)
"""Name of a column whose numbers may be Unix seconds."""


def snake_case(name: str) -> str:
    """Separate the words of a name by underscores, so that the patterns find them.

    >>> snake_case("click_deviceGroup"), snake_case("Opened at")
    ('click_device_group', 'opened_at')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s.-]+", "_", name).lower()
