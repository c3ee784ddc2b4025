kubectl -n production rollout status deployment/myapp
kubectl -n production get deployment myapp \
    -o jsonpath='image: {.spec.template.spec.containers[0].image}{"\n"}ready: {.status.readyReplicas}{"\n"}' \
    > rollout.md
