"""What is written about a training run, for programs and for people."""
