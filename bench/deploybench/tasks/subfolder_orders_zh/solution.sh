image={registry}/library/orders:$(git rev-parse --short HEAD)
docker build -t "$image" services/orders
docker push "$image"
kubectl -n production set image deployment/orders app="$image"
kubectl -n production rollout status deployment/orders
