"""Complete command lines for chores without a deployment: reports, counts, git tags."""
