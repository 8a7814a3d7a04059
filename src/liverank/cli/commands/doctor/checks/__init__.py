"""The checks of ``liverank doctor``, each of which returns findings."""
