"""How often served state is checked for updates, in seconds."""

POLL_S = 0.02
"""Seconds between two checks of the log for new events."""
PROMOTED_POLL_S = 1.0
"""Seconds between two checks of the pointer to the current bundle."""
GENERATION_POLL_S = 0.1
"""Pause between two checks whether events were removed from the log."""
EXPERIMENTS_POLL_S = 0.2
"""Pause between two checks whether an experiment changed."""
EXPIRE_S = 30.0
"""Pause between two removals of expired items from the table of live items."""
RETRY_S = 0.5
"""Pause of the fold after an error of the log."""
