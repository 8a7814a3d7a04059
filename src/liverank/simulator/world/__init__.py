"""What is drawn before anything happens: people, their graph, hosts, and the rooms to come."""
