"""HTTP: the protocol, the endpoints, and the messages of requests and answers."""
