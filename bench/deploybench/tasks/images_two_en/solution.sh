image={registry}/library/api:$(git rev-parse --short HEAD)
docker build -t "$image" api
docker push "$image"
kubectl -n production set image deployment/api app="$image"
kubectl -n production rollout status deployment/api
image={registry}/library/web:$(git rev-parse --short HEAD)
docker build -t "$image" web
docker push "$image"
kubectl -n production set image deployment/web app="$image"
kubectl -n production rollout status deployment/web
