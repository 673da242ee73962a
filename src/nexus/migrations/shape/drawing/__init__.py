"""The map of all tables as a document: Markdown with Mermaid diagrams."""
