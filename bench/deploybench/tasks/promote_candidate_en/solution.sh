docker pull {registry}/library/myapp:1.1.0-rc.2
docker tag {registry}/library/myapp:1.1.0-rc.2 {registry}/library/myapp:1.1.0
docker push {registry}/library/myapp:1.1.0
kubectl -n production set image deployment/myapp app={registry}/library/myapp:1.1.0
kubectl -n production rollout status deployment/myapp
