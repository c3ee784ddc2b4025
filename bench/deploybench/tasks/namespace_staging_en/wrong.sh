# The other namespace, too.
kubectl -n production set image deployment/myapp app={registry}/library/myapp:$(git rev-parse --short HEAD)
image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n staging set image deployment/myapp app="$image"
kubectl -n staging rollout status deployment/myapp
