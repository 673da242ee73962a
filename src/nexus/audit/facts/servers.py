"""On which port the servers of common frameworks listen when nothing else is said."""

SERVER_PORTS = (
    (r"\bfastapi (run|dev)\b|\buvicorn\b|\bgunicorn\b|\bhypercorn\b|\brunserver\b|artisan serve", 8000),
    (r"\bflask\b.*\brun\b", 5000),
    (r"\bnext start\b|\brails (s|server)\b|\bpuma\b|server\.js\b.*\bnext\b", 3000),
    (r"\bhttp-server\b", 8080),
    (r"\bvite preview\b", 4173),
    (r"\bstreamlit run\b", 8501),
)
