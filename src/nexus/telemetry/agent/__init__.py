"""The agent: a small container beside the modules that takes in what they send, and asks them on request.

It runs where the collector cannot look: inside the containers' network. It imports aiohttp and nothing else.
"""
