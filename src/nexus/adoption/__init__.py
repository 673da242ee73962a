"""A Compose project that runs today -> the manifests of a stack."""
