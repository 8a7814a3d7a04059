"""The proof of upkeep: months of a simulated product that autopilot keeps, with no hand on it."""
