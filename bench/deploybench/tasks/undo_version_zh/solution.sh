kubectl -n production rollout undo deployment/myapp --to-revision=1
kubectl -n production rollout status deployment/myapp
