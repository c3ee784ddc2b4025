image={registry}/library/webshop:$(node -p 'require("./package.json").version')
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/webshop app="$image"
kubectl -n production rollout status deployment/webshop
