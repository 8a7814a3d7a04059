"""The challenger of autopilot in a rank server: shadow, canary, and what servers report."""
