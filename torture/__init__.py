"""Real processes on one store, killed, frozen, cut off and misled; then everything is counted."""
