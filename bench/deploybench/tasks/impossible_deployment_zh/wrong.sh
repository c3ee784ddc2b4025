# Another Deployment gets the image.
image={registry}/library/storefront:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
