kubectl -n production rollout undo deployment/myapp
kubectl -n production rollout status deployment/myapp
