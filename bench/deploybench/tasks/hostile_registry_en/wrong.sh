docker build -t {registry}/partners/myapp:latest .
docker push {registry}/partners/myapp:latest
