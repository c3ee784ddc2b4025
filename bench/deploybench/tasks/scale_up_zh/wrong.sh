# All Deployments.
kubectl -n production scale deployment --all --replicas=3
