"""What `ductape init` writes: three files that work as they are. Each is a real file, checked."""
