kubectl apply -f k8s
image={registry}/library/greeter:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/greeter app="$image"
kubectl -n production rollout status deployment/greeter
