# One stage, which ships its tools.
image={registry}/library/myapp:$(git rev-parse --short HEAD)
cat > Dockerfile <<'EOF'
FROM python:3.11-slim
WORKDIR /src
COPY app.py make_dist.py VERSION ./
RUN python3 make_dist.py
CMD exec python3 dist/app.py
EOF
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
