cat > Dockerfile <<'EOF'
FROM node:22-slim
WORKDIR /app
COPY . .
CMD exec node server.js
EOF
image={registry}/library/webshop:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/webshop app="$image"
kubectl -n production rollout status deployment/webshop
