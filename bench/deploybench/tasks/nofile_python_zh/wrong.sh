# An image without the program.
image={registry}/library/myapp:$(git rev-parse --short HEAD)
printf 'FROM python:3.11-slim\n' | docker build -t "$image" -
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
