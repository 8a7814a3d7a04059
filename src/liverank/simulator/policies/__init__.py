"""Ways to order what is live, for a simulated tab."""
