# Built anew, under the same tag.
docker build -t {registry}/library/myapp:1.1.0 .
docker push {registry}/library/myapp:1.1.0
kubectl -n production set image deployment/myapp app={registry}/library/myapp:1.1.0
