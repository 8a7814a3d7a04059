"""A load test: requests at a rate that does not wait for answers, and how long those took.

Nothing here knows the server but through HTTP.
"""
