# Only one step back.
kubectl -n production rollout undo deployment/myapp
