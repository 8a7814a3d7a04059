"""The layout of feature state: the words of each entity's row in memory."""
