"""HTML reports about runs: files of run folders → facts → charts and pictures → one HTML file."""
