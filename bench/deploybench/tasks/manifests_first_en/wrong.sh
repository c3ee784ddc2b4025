# The Deployment is made by hand, without its configuration.
image={registry}/library/greeter:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production create deployment greeter --image="$image"
