"""PostgreSQL databases of products."""
