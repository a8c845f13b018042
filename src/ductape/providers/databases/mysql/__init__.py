"""MySQL and MariaDB databases of products."""
