"""What autopilot did so far, as the events of the log say."""
