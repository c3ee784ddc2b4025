kubectl -n production scale deployment/reports --replicas=1
