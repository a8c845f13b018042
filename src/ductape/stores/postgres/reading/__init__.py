"""Looking at what is stored, changing nothing."""
