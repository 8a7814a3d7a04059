"""What a search consists of: its plan, its trials and their results."""
