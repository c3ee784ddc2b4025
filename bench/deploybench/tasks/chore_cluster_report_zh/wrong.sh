kubectl -n production get deployments > cluster-report.md
