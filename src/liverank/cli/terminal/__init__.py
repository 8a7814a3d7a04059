"""Progress, interrupts and subcommands in a terminal."""
