image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/web app="$image"
kubectl -n production set image deployment/jobs app="$image"
kubectl -n production rollout status deployment/web
kubectl -n production rollout status deployment/jobs
