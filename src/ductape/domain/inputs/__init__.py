"""What each kind of event takes as input."""
