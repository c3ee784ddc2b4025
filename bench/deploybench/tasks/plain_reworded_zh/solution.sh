image={registry}/library/catalog:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/catalog server="$image"
kubectl -n production rollout status deployment/catalog
