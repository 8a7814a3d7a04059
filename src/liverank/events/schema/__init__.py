"""Field types and the configuration that data suggests."""
