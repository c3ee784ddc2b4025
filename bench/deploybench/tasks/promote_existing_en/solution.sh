kubectl -n production set image deployment/myapp app={registry}/library/myapp:1.1.0
kubectl -n production rollout status deployment/myapp
