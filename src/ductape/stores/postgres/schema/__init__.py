"""The schema: brought up to date, and history's partitions, one for each day."""
