image={registry}/library/orders:$(git rev-parse --short HEAD)
docker build -t "$image" -f docker/orders.Dockerfile .
docker push "$image"
kubectl -n production set image deployment/orders app="$image"
kubectl -n production rollout status deployment/orders
