cat > Dockerfile <<'EOF'
FROM python:3.11-slim AS dist
WORKDIR /src
COPY app.py make_dist.py VERSION ./
RUN python3 make_dist.py
FROM python:3.11-slim
WORKDIR /app
COPY --from=dist /src/dist/ ./
CMD exec python3 app.py
EOF
image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
kubectl -n production rollout status deployment/myapp
