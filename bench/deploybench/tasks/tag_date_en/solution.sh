image={registry}/library/myapp:$(date -u +%Y-%m-%d)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
kubectl -n production rollout status deployment/myapp
