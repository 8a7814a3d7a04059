"""Where messages go, one module each; ``channel.py`` is their contract."""
