docker pull {registry}/library/myapp:1.1.0
docker tag {registry}/library/myapp:1.1.0 {registry}/library/myapp:stable
docker push {registry}/library/myapp:stable
