image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
docker inspect --format '{{index .RepoDigests 0}}' "$image" | sed 's/.*@//' > digest.txt
