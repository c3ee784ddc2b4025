cat > Dockerfile <<'EOF'
FROM nginx:1.29
COPY index.html VERSION /usr/share/nginx/html/
EOF
image={registry}/library/handbook:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/handbook app="$image"
kubectl -n production rollout status deployment/handbook
