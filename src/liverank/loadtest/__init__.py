"""A load test: requests at a rate that does not wait for answers, and how long those took.

It reaches the server only over HTTP.
"""
