find logs -type f -printf '%s %p\n' | sort -rn | head -3 > disk-report.txt
