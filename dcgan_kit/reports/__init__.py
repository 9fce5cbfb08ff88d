"""Pages about runs: facts read from run folders → pictures → one HTML file that needs nothing else."""
