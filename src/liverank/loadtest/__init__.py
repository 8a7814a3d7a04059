"""Load tests: send requests at a rate independent of the answers, and measure latencies.

The server is accessed only over HTTP.
"""
