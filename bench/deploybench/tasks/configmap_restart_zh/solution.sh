kubectl apply -f config.yaml
kubectl -n production rollout restart deployment/myapp
kubectl -n production rollout status deployment/myapp
