"""The standby of a database on another node of a Swarm: kept by the managers, watched from here."""
