"""What a job costs, how much one PostgreSQL can bear, and a day of a thousand workers, modelled."""
