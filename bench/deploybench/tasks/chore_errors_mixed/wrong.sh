# Every line that has the word.
grep ERROR app.log | awk '{sub(":", "", $3); count[$3]++} END {for (c in count) print "- " c ": " count[c]}' > errors.md
