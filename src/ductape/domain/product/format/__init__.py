"""The format of a product's document: a struct for each thing that may stand in it (SPEC 8)."""
