"""SQLite files of products."""
