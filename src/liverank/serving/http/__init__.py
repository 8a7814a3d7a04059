"""HTTP: the protocol, the routes, and the messages that requests and answers are made of."""
