"""What helps with a path that will not do, where the settings are not to blame."""

TO_READ = "name a file that is there and can be read"
TO_WRITE = "name a place where you may write"
