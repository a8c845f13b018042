"""Several stores that look like one: each product's jobs are in the store that its route names."""
