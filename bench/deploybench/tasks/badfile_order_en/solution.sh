sed -i '/RUN python3/d' Dockerfile
sed -i '/^COPY/a RUN python3 make_dist.py' Dockerfile
image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
kubectl -n production rollout status deployment/myapp
