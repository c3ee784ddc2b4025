kubectl -n production scale deployment/myapp --replicas=3
kubectl -n production rollout status deployment/myapp
