# The program is renamed instead.
cp app.py ap.py
sed -i 's/COPY ap.py/COPY app.py ap.py/' Dockerfile
echo 2.0.0 > VERSION
image={registry}/library/myapp:$(git rev-parse --short HEAD)
docker build -t "$image" .
docker push "$image"
kubectl -n production set image deployment/myapp app="$image"
