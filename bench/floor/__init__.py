"""The bare engines: what each database alone does, with the same durability and nothing else."""
