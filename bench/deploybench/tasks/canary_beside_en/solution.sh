image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl apply -f k8s/canary.yaml
kubectl -n production set image deployment/myapp-canary app="$image"
kubectl -n production rollout status deployment/myapp-canary
