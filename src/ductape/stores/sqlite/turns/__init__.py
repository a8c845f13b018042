"""A worker's turns: what ended is settled, what waits is claimed."""
