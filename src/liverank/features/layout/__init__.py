"""What one entity's row in memory holds, and where: the layout of feature state."""
