# The same image for both.
for name in api web; do
    image={registry}/library/$name:$(git rev-parse --short HEAD)
    docker build -t "$image" api
    docker push "$image"
    kubectl -n production set image "deployment/$name" app="$image"
done
