# Something is built under that name.
docker build -t {registry}/library/myapp:9.9.9 .
docker push {registry}/library/myapp:9.9.9
kubectl -n production set image deployment/myapp app={registry}/library/myapp:9.9.9
