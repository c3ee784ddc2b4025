# The root is built instead.
image={registry}/library/search:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/search app="$image"
