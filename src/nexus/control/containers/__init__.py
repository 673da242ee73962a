"""Keeping a stack that runs in containers: of one engine with Compose, of several with a Swarm."""
