# The old pods are started again; the version is the same.
kubectl -n production rollout restart deployment/myapp
