awk '$2 == "ERROR" {sub(":", "", $3); count[$3]++} END {for (c in count) print "- " c ": " count[c]}' \
    app.log > errors.md
