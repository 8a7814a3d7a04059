"""What values mean as people and programs write them: numbers, times, booleans, levels; and kinds.

Pure definitions without polars, so that training, files of events and a served bundle read alike.
"""
