# The image's id is another number.
image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
docker inspect --format '{{.Id}}' "$image" > digest.txt
