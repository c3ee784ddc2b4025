# The smallest ones.
find logs -type f -printf '%s %p\n' | sort -n | head -3 > disk-report.txt
