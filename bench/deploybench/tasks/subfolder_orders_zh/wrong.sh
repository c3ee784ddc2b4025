# The other service's folder.
image={registry}/library/orders:$(git rev-parse --short HEAD)
docker build -t "$image" services/billing
docker push "$image"
kubectl -n production set image deployment/orders app="$image"
