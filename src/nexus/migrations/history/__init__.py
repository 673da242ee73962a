"""What is applied to a schema, as Prisma records it, and what the folder says beside it."""
