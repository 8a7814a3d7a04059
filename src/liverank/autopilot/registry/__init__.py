"""The registry of bundles: what each comes from, how two differ, and which ones are kept."""
