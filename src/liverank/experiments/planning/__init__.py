"""Plans an experiment: the effects it can detect, the users it needs, and the days it takes."""
