"""Services as containers of a Docker engine: on one machine with Compose, on several with a Swarm."""
