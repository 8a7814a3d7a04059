"""What ``liverank doctor`` looks at: small checks, each of which gives findings."""
