"""What people see while something runs: lines, tables, progress bars."""
