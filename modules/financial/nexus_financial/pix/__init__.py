"""PIX: the provider's protocol, a simulated provider, and the workers between it and the books."""
