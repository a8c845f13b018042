"""The example `examples/orders`: here, so that an installed `ductape demo` has it too."""
