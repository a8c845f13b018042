"""Jobs that are stored: looked at, followed, waited for, changed."""
