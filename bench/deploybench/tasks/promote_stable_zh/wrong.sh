# The tag is right, but it is rolled out as well.
docker pull {registry}/library/myapp:1.1.0
docker tag {registry}/library/myapp:1.1.0 {registry}/library/myapp:stable
docker push {registry}/library/myapp:stable
kubectl -n production set image deployment/myapp app={registry}/library/myapp:stable
