"""From an experiment's arms to results and a decision in plain words."""
